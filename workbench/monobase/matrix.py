"""Which environments a generation has: what it asks for, through the table of what goes with what."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from workbench.catalog.compatibility import PATH, CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.monobase.names import environment_name
from workbench.monobase.spec import Spec


@dataclass(frozen=True, slots=True)
class Wanted:
    """An environment to resolve: what identifies it, and the requirements and constraints that go in."""

    name: str
    python: str
    torch: str
    cuda: str
    cudnn: str
    stack: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The environments of a generation, in order, and which combinations it cannot have, with the reason."""

    wanted: tuple[Wanted, ...]
    left_out: tuple[tuple[str, str], ...]


def plan(spec: Spec, pairs: CompatibilityTable) -> Plan:
    """Return what `spec` is to hold. The rules are the table's, and what comes out is written down (fault M1).

    Raises WorkbenchError when a torch is not in the table, brings a CUDA or cuDNN that the generation
    does not list, or goes with none of its Pythons; and when a listed CUDA or cuDNN comes with nothing.
    """
    wanted, left_out = list[Wanted](), list[tuple[str, str]]()
    where = f"generations/{spec.name}.toml"
    known = pairs.frameworks.get("torch", {})
    for torch in sorted(spec.torch, key=Version):
        if torch not in known:
            there = ", ".join(sorted(known, key=Version))
            hint = f"add its row, with its source, or take one of {there}"
            raise WorkbenchError(f"torch {torch} is not in {PATH}", hint=hint, where=where)
        row = known[torch]
        cuda, cudnn = ".".join(row.cuda.split(".")[:2]), row.cudnn.partition(".")[0]
        if cuda not in spec.cuda or cudnn not in spec.cudnn:
            raise WorkbenchError(
                f"torch {torch} brings CUDA {cuda} and cuDNN {cudnn}, which {spec.name} does not list",
                hint=f"add them to cuda and cudnn, or leave torch {torch} out",
                where=where,
            )
        for python in _ordered(spec):
            name = environment_name(python, torch=torch, cuda=cuda)
            if python not in row.pythons:
                left_out.append((name, f"torch {torch} goes with Python {', '.join(row.pythons)}"))
                continue
            beside = (f"torch=={torch}", *(f"{other}=={version}" for other, version in row.goes_with.items()))
            requirements = (*beside, *spec.packages)
            wanted.append(Wanted(name, python, torch, cuda, cudnn, "", requirements, row.constraints))
        if not any(entry.torch == torch for entry in wanted):
            raise WorkbenchError(f"torch {torch} goes with no Python of {spec.name}", where=where)
    for stack, packages in sorted(spec.stacks.items()):
        for python in _ordered(spec):
            name = environment_name(python, stack=stack)
            wanted.append(Wanted(name, python, "", "", "", stack, (*spec.packages, *packages), ()))
    if not wanted:
        raise WorkbenchError(f"{spec.name} has no environment: name a torch or a stack", where=where)
    return Plan(tuple(sorted(wanted, key=_key)), tuple(left_out))


def _ordered(spec: Spec) -> list[str]:
    return sorted(spec.pythons, key=Version)


def _key(wanted: Wanted) -> tuple[Version, Version, str]:
    return Version(wanted.python), Version(wanted.torch or "0"), wanted.stack
