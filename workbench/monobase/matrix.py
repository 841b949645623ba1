"""The matrix of a generation: which environments its specification gives, by the tables of what goes with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from workbench.catalog.compatibility import PATH, CompatibilityTable, FrameworkVersion
from workbench.errors import WorkbenchError
from workbench.monobase.builds import TorchBuilds
from workbench.monobase.names import X86, environment_name
from workbench.monobase.spec import GenerationSpec, python_order


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """An environment to resolve: what identifies it, and its requirements and constraints.

    `cudnn` is "" where only its lock will tell; `index` is the variable of a second index that has its torch.
    """

    name: str
    python: str
    torch: str
    cuda: str
    cudnn: str
    stack: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    platform: str = X86
    index: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The environments of a generation, in order, and which combinations are excluded, with the reason."""

    environments: tuple[EnvironmentSpec, ...]
    excluded: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Build:
    cuda: str
    cudnn: str
    pythons: tuple[str, ...]
    platform: str = X86
    index: str = ""
    lacks: tuple[str, ...] = ()


def matrix_of(spec: GenerationSpec, pairs: CompatibilityTable, builds: Sequence[TorchBuilds] = ()) -> Matrix:
    """Return the matrix of `spec`. The rules are the tables', and the result is written to a file (fault M1).

    Raises WorkbenchError when a torch is not in the table, has no build with a CUDA and cuDNN that the generation
    lists, or goes with none of its Pythons.
    """
    found, excluded = dict[tuple[str, str], EnvironmentSpec](), list[tuple[str, str]]()
    where = f"generations/{spec.name}.toml"
    known = pairs.frameworks.get("torch", {})
    for torch in sorted(spec.torch, key=Version):
        if torch not in known:
            available = ", ".join(sorted(known, key=Version))
            hint = f"add its row, with its source, or take one of {available}"
            raise WorkbenchError(f"torch {torch} is not in {PATH}", hint=hint, where=where)
        row = known[torch]
        usual = _usual(row)
        listed = X86 in spec.platforms and usual.cuda in spec.cuda and usual.cudnn in spec.cudnn
        further = list(_further(torch, spec, builds))
        # What the package index has is first, so that it needs no other; what is known better goes before.
        chosen = [one for one in further if one.lacks and not one.index]
        chosen += [*([usual] if listed else []), *(one for one in further if one not in chosen)]
        if not chosen:
            raise WorkbenchError(
                f"torch {torch} brings CUDA {usual.cuda} and cuDNN {usual.cudnn}, which {spec.name} does not list",
                hint=f"add them to cuda and cudnn, or leave torch {torch} out",
                where=where,
            )
        for build in chosen:
            for python in _ordered(spec):
                name = environment_name(python, torch=torch, cuda=build.cuda)
                if python in build.pythons:
                    found.setdefault((build.platform, name), _environment(name, python, torch, build, row, spec))
                elif build is usual:
                    excluded.append((name, f"torch {torch} goes with Python {', '.join(row.pythons)}"))
        if not any(entry.torch == torch for entry in found.values()):
            raise WorkbenchError(f"torch {torch} goes with no Python of {spec.name}", where=where)
    for platform in spec.platforms:
        for stack, packages in sorted(spec.stacks.items()):
            for python in _ordered(spec):
                name = environment_name(python, stack=stack)
                requirements = (*spec.packages, *packages)
                found[platform, name] = EnvironmentSpec(
                    name, python, "", "", "", stack, requirements, (), platform=platform
                )
    if not found:
        raise WorkbenchError(f"{spec.name} has no environment: name a torch or a stack", where=where)
    reasons = [(name, reason) for name, reason in excluded if (X86, name) not in found]
    return Matrix(tuple(sorted(found.values(), key=_key)), tuple(reasons))


def _usual(row: FrameworkVersion) -> _Build:
    """Return the build that the package index has for x86_64."""
    return _Build(".".join(row.cuda.split(".")[:2]), row.cudnn.partition(".")[0], row.pythons)


def _further(torch: str, spec: GenerationSpec, builds: Sequence[TorchBuilds]) -> Iterator[_Build]:
    """Yield the other builds of `torch` that the generation lists, those of the package index first."""
    for one in sorted(builds, key=lambda one: bool(one.index)):
        if torch in one.torch and one.platform in spec.platforms:
            for cuda in one.cuda:
                if cuda in spec.cuda:
                    yield _Build(cuda, "", one.pythons, one.platform, one.variable(cuda), one.lacks)


def _environment(
    name: str, python: str, torch: str, build: _Build, row: FrameworkVersion, spec: GenerationSpec
) -> EnvironmentSpec:
    others = [f"{other}=={version}" for other, version in row.goes_with.items() if other not in build.lacks]
    beside = (f"torch=={torch}", *others)
    return EnvironmentSpec(
        name,
        python,
        torch,
        "" if build.cuda == "cpu" else build.cuda,
        build.cudnn,
        "",
        (*beside, *spec.packages),
        row.constraints,
        build.platform,
        build.index,
    )


def _ordered(spec: GenerationSpec) -> list[str]:
    return sorted(spec.pythons, key=python_order)


def _key(environment: EnvironmentSpec) -> tuple[bool, tuple[Version, bool], Version, str, Version]:
    return (
        environment.platform != X86,
        python_order(environment.python),
        Version(environment.torch or "0"),
        environment.stack,
        Version(environment.cuda or "0"),
    )
