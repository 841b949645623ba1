"""The matrix of a generation: which environments its specification gives, by the table of what goes with what."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from workbench.catalog.compatibility import PATH, CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.monobase.names import environment_name
from workbench.monobase.spec import GenerationSpec


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """An environment to resolve: what identifies it, and its requirements and constraints."""

    name: str
    python: str
    torch: str
    cuda: str
    cudnn: str
    stack: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The environments of a generation, in order, and which combinations are excluded, with the reason."""

    environments: tuple[EnvironmentSpec, ...]
    excluded: tuple[tuple[str, str], ...]


def matrix_of(spec: GenerationSpec, pairs: CompatibilityTable) -> Matrix:
    """Return the matrix of `spec`. The rules are the table's, and the result is written to a file (fault M1).

    Raises WorkbenchError when a torch is not in the table, brings a CUDA or cuDNN that the generation
    does not list, or goes with none of its Pythons; and when a listed CUDA or cuDNN comes with nothing.
    """
    environments, excluded = list[EnvironmentSpec](), list[tuple[str, str]]()
    where = f"generations/{spec.name}.toml"
    known = pairs.frameworks.get("torch", {})
    for torch in sorted(spec.torch, key=Version):
        if torch not in known:
            available = ", ".join(sorted(known, key=Version))
            hint = f"add its row, with its source, or take one of {available}"
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
                excluded.append((name, f"torch {torch} goes with Python {', '.join(row.pythons)}"))
                continue
            beside = (f"torch=={torch}", *(f"{other}=={version}" for other, version in row.goes_with.items()))
            requirements = (*beside, *spec.packages)
            environments.append(EnvironmentSpec(name, python, torch, cuda, cudnn, "", requirements, row.constraints))
        if not any(entry.torch == torch for entry in environments):
            raise WorkbenchError(f"torch {torch} goes with no Python of {spec.name}", where=where)
    for stack, packages in sorted(spec.stacks.items()):
        for python in _ordered(spec):
            name = environment_name(python, stack=stack)
            environments.append(EnvironmentSpec(name, python, "", "", "", stack, (*spec.packages, *packages), ()))
    if not environments:
        raise WorkbenchError(f"{spec.name} has no environment: name a torch or a stack", where=where)
    return Matrix(tuple(sorted(environments, key=_key)), tuple(excluded))


def _ordered(spec: GenerationSpec) -> list[str]:
    return sorted(spec.pythons, key=Version)


def _key(environment: EnvironmentSpec) -> tuple[Version, Version, str]:
    return Version(environment.python), Version(environment.torch or "0"), environment.stack
