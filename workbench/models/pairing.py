"""Which framework, CUDA and cuDNN meet a model's requirements together: from the table, or the nearest that do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from workbench.catalog.compatibility import PATH, CompatibilityTable, FrameworkVersion
from workbench.errors import WorkbenchError
from workbench.models.requirements import applies
from workbench.packages import normalized_name

# How many allowed pairs an error names.
_LISTED = 3
# The extra by which tensorflow brings CUDA; torch does so by itself.
_CUDA_EXTRAS = {"tensorflow": "and-cuda"}


@dataclass(frozen=True, slots=True)
class Pairing:
    """What goes together: the requirements as they are to be locked, what else must hold, CUDA and cuDNN.

    `cuda` and `cudnn` are "" where nothing brings any; `frameworks` are the chosen versions by name;
    `unknown` are frameworks that the table does not have in the requested version.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    cuda: str = ""
    cudnn: str = ""
    frameworks: Mapping[str, str] | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Target:
    """What a framework must go with; "" for anything."""

    python: str
    cuda: str
    cudnn: str

    def mismatches(self, row: FrameworkVersion) -> list[str]:
        """Return how a row of the table does not match, in words."""
        found = []
        if self.python not in row.pythons:
            found.append(f"is for Python {row.pythons[0]} to {row.pythons[-1]}, not {self.python}")
        if self.cuda and not _begins(row.cuda, self.cuda):
            found.append(f"brings CUDA {short(row.cuda)}, not {self.cuda}")
        if self.cudnn and not _begins(row.cudnn, self.cudnn):
            found.append(f"brings cuDNN {row.cudnn}, not {self.cudnn}")
        return found

    def is_near(self, row: FrameworkVersion) -> bool:
        """Return whether a row matches, but for a CUDA and cuDNN that stand in for the named ones."""
        return self.python in row.pythons and (not self.cuda or is_near(row.cuda, self.cuda))


def is_near(brought: str, requested: str) -> bool:
    """Return whether a CUDA runs where another one is requested.

    Drivers run their own family and the earlier ones (NVIDIA, CUDA Compatibility, checked 2026-11-22), and what is
    requested is often no more than what was current: the next family counts as near, with a note of the driver.
    """
    return int(brought.split(".")[0]) <= int(requested.split(".")[0]) + 1


def pair(
    requirements: Sequence[str], python: str, gpu: bool, cuda: str, cudnn: str, pairs: CompatibilityTable
) -> Pairing:
    """Return what goes with `requirements` on Python `python` ("3.11"), with `cuda` and `cudnn` if they are named.

    A framework without an exact version gets the newest one that fits all the rest, its companions (torchvision, …)
    among that; what it goes with is held to its row. Raises WorkbenchError for what cannot go together, with the
    nearest that can.
    """
    requirements = [text for text in requirements if applies(text, python)]
    target = _Target(python, cuda if gpu else "", cudnn if gpu else "")
    lines, beside, constraints = [], list[str](), list[str]()
    frameworks: dict[str, str] = {}
    unknown = []
    wanted = frameworks_of(requirements, pairs)
    companions = _companions(requirements)
    for text in requirements:
        name = normalized_name(Requirement(text).name)
        if name not in wanted or Requirement(text).url is not None:
            lines.append(text)
            continue
        if name in frameworks:
            continue  # Mentioned again, and part of what is chosen already.
        requirement, rows = wanted[name], pairs.frameworks[name]
        extra = _CUDA_EXTRAS.get(name, "")
        if gpu and extra:
            requirement.extras.add(extra)
        version = _chosen(name, requirement, rows, target, companions)
        frameworks[name] = version
        lines.append(f"{name}{_extras(requirement)}=={version}")
        if version not in rows:
            unknown.append(f"{name} {version}")
            continue
        beside += [f"{other}=={at}" for other, at in rows[version].goes_with.items()]
        constraints += rows[version].constraints
    _agree(frameworks, pairs, gpu)
    rows_of = (pairs.frameworks[name].get(version) for name, version in frameworks.items())
    brought = next(filter(None, rows_of), None)
    return Pairing(
        requirements=tuple(lines),
        constraints=(*_free(beside, lines), *dict.fromkeys(constraints)),
        cuda=brought.cuda if brought and gpu else target.cuda,
        cudnn=brought.cudnn if brought and gpu else target.cudnn,
        frameworks=frameworks,
        unknown=tuple(unknown),
    )


def frameworks_of(requirements: Sequence[str], pairs: CompatibilityTable) -> dict[str, Requirement]:
    """Return what is required of each framework of the table, all its mentions together, by normalised name."""
    found: dict[str, Requirement] = {}
    for text in requirements:
        requirement = Requirement(text)
        name = normalized_name(requirement.name)
        if name not in pairs.frameworks or requirement.url is not None:
            continue
        if known := found.get(name):
            known.extras |= requirement.extras
            known.specifier &= requirement.specifier
        else:
            found[name] = requirement
    return found


def exact_version(requirement: Requirement) -> str:
    """Return the one version that a requirement allows, "" when it allows several."""
    return next(
        (part.version for part in requirement.specifier if part.operator == "==" and "*" not in part.version), ""
    )


def _companions(requirements: Sequence[str]) -> dict[str, SpecifierSet]:
    """Return what is required of each package, by normalised name: a framework goes with some of them."""
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, requirements):
        if requirement.url is None:
            name = normalized_name(requirement.name)
            found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def short(version: str) -> str:
    """Return major and minor of a version: "12.4.127" is "12.4"."""
    return ".".join(version.split(".")[:2])


def _chosen(
    name: str,
    requirement: Requirement,
    rows: Mapping[str, FrameworkVersion],
    target: _Target,
    companions: Mapping[str, SpecifierSet],
) -> str:
    """Return the requested version of a framework, or the newest that fits and goes with its companions."""
    exact = exact_version(requirement)
    if exact and not requirement.specifier.contains(exact, prereleases=True):
        raise WorkbenchError(
            f"no {name} can be {' and '.join(sorted(map(str, requirement.specifier)))}", hint="name one version of it"
        )
    public, _, build = exact.partition("+")
    # 2.2 is 2.2.0.
    plain = next((version for version in rows if public and Version(version) == Version(public)), public)
    exact = exact if build else plain
    if plain and plain not in rows:
        return exact  # What it brings, its packages tell.
    if plain:
        if not target.is_near(rows[plain]):
            mismatches = target.mismatches(rows[plain])
            raise WorkbenchError(f"{name} {plain} {'; it '.join(mismatches)}", hint=_nearest(name, rows, target, plain))
        return exact
    fitting = [version for version in rows if requirement.specifier.contains(version)]
    allowed = [version for version in fitting if not target.mismatches(rows[version])]
    # Where none brings the very CUDA, the nearest that the same drivers run.
    allowed = allowed or _nearest_by_cuda(
        [version for version in fitting if target.is_near(rows[version])], rows, target
    )
    # What no row names, or in no such version, is left to the resolver.
    named = {normalized_name(other) for row in rows.values() for other in row.goes_with}
    decisive = {other: required for other, required in companions.items() if other in named and str(required)}
    together = [version for version in allowed if _goes_with(rows[version], decisive)]
    if allowed:
        return max(together or allowed, key=Version)
    if not fitting:
        known = ", ".join(sorted(rows, key=Version))
        raise WorkbenchError(f"no {name} that is known is {requirement.specifier}", hint=f"{PATH} has {known}")
    newest = max(fitting, key=Version)
    mismatches = target.mismatches(rows[newest])
    which = f"no {name} {requirement.specifier} goes" if str(requirement.specifier) else f"no {name} goes"
    raise WorkbenchError(
        f"{which} with {_describe(target)}: {newest} {'; it '.join(mismatches)}",
        hint=_nearest(name, rows, target, newest),
    )


def _goes_with(row: FrameworkVersion, companions: Mapping[str, SpecifierSet]) -> bool:
    """Return whether a row names all these companions, in versions that are required."""
    named = {normalized_name(other): at for other, at in row.goes_with.items()}
    return all(
        other in named and required.contains(named[other], prereleases=True) for other, required in companions.items()
    )


def _nearest_by_cuda(versions: Sequence[str], rows: Mapping[str, FrameworkVersion], target: _Target) -> list[str]:
    """Return those of some versions whose CUDA is nearest to the requested one, of its own family or before if any."""
    if not versions or not target.cuda:
        return list(versions)

    def distance(version: str) -> tuple[int, int]:
        family, minor = (int(part) for part in rows[version].cuda.split(".")[:2])
        wanted = [int(part) for part in (*target.cuda.split("."), "0")[:2]]
        return (
            abs(family - wanted[0]) * 2 - (family < wanted[0]),
            abs(minor - wanted[1]) if family == wanted[0] else -minor,
        )

    least = min(map(distance, versions))
    return [version for version in versions if distance(version) == least]


def _describe(target: _Target) -> str:
    parts = [f"Python {target.python}"]
    parts += [f"CUDA {target.cuda}"] if target.cuda else []
    parts += [f"cuDNN {target.cudnn}"] if target.cudnn else []
    return ", ".join(parts)


def _nearest(name: str, rows: Mapping[str, FrameworkVersion], target: _Target, wanted: str) -> str:
    """Return the allowed pairs that are nearest: those of the target by distance, then the wanted version's own."""

    def distance(version: str) -> tuple[int, int]:
        mine, theirs = Version(version).release, Version(wanted).release
        # By the minor version first: 2.7 is nearer to 2.6 than 3.0 is.
        return (abs((mine[0] - theirs[0]) * 1000 + (mine[1] - theirs[1])), -mine[2] if len(mine) > 2 else 0)

    allowed = sorted((version for version in rows if not target.mismatches(rows[version])), key=distance)[:_LISTED]
    options = [f"{name} {version} (CUDA {short(rows[version].cuda)})" for version in allowed]
    found = f"with {_describe(target)} goes {' or '.join(options)}" if options else ""
    if wanted in rows:
        row = rows[wanted]
        own = f"{name} {wanted} goes with Python {', '.join(row.pythons)} and CUDA {short(row.cuda)}, cuDNN {row.cudnn}"
        found = f"{found}; {own}" if found else own
    if not found:
        cudas = dict.fromkeys(short(rows[version].cuda) for version in sorted(rows, key=Version))
        found = f"{name} comes with CUDA {', '.join(cudas)}"
    return found


def _agree(frameworks: Mapping[str, str], pairs: CompatibilityTable, gpu: bool) -> None:
    """Raise WorkbenchError when two frameworks bring CUDAs of two families."""
    found: dict[str, str] = {}
    for name, version in frameworks.items():
        row = pairs.frameworks[name].get(version)
        if row is not None and gpu:
            found[f"{name} {version}"] = row.cuda
    if len({cuda.partition(".")[0] for cuda in found.values()}) > 1:
        listed = ", ".join(f"{name} brings CUDA {short(cuda)}" for name, cuda in found.items())
        raise WorkbenchError(
            f"two frameworks bring CUDAs of two families: {listed}",
            hint="name a cuda in cog.yaml that both have, or versions that do",
        )


def _free(constraints: Iterable[str], lines: Sequence[str]) -> Iterable[str]:
    """Yield the constraints on packages that are not pinned exactly: an exact pin is deliberate."""
    pinned = {
        normalized_name(Requirement(line).name)
        for line in lines
        if any(part.operator == "==" for part in Requirement(line).specifier)
    }
    return (text for text in dict.fromkeys(constraints) if normalized_name(Requirement(text).name) not in pinned)


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def _begins(version: str, wanted: str) -> bool:
    """Return whether `version` is `wanted` as far as that goes: 12.4.127 is 12.4, and not 12.40."""
    parts, requirement = version.split("."), wanted.split(".")
    # NVIDIA's wheels count patches in their own way: 12.4.127 belongs to the toolkit 12.4.1.
    return parts[: min(len(requirement), 2)] == requirement[: min(len(requirement), 2)]
