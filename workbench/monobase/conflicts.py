"""What layers contradict each other in: requirements that the package which wins does not meet.

Two versions of one package are no conflict by themselves: the first layer's wins. It is one when
a package of a later layer needs another (faults M11, M16). VerifyReport while building, and written down, so
that activation needs no Python.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from workbench.files import replace_text
from workbench.monobase.activation import conflicts_folder
from workbench.monobase.layer import Layer, names_in
from workbench.monobase.names import generation_number
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package in a layer: its version and what it needs."""

    name: str
    version: str
    needs: tuple[Requirement, ...]


def packages(layer: Layer) -> dict[str, InstalledPackage]:
    """Return the packages of a layer by normalised name. Nothing of them is imported."""
    found: dict[str, InstalledPackage] = {}
    for distribution in importlib.metadata.distributions(path=[layer.site]):
        metadata = distribution.metadata
        name = metadata["Name"] if "Name" in metadata else ""  # noqa: SIM401 - the type has no `get`
        if name:
            key = normalized_name(name)
            found.setdefault(
                key,
                InstalledPackage(key, distribution.version, tuple(_needs(distribution.requires or (), layer.python))),
            )
    return found


def between(layers: Sequence[tuple[str, Mapping[str, InstalledPackage]]]) -> list[str]:
    """Return what the layers contradict each other in, as sentences; each with its name, the one that wins first.

    A need that its own layer does not meet either is that layer's own fault, and not reported here.
    """
    wins: dict[str, tuple[str, InstalledPackage]] = {}
    for title, installed in layers:
        for name, package in installed.items():
            wins.setdefault(name, (title, package))
    found = []
    for title, installed in layers:
        for name, package in sorted(installed.items()):
            if wins[name][0] != title:
                continue  # this one is never imported
            for need in package.needs:
                other, winner = wins.get(normalized_name(need.name), (title, None))
                if other == title or winner is None or _meets(need, winner.version):
                    continue
                text = f"{package.name} {package.version} of {title} needs {_plain(need)}"
                found.append(f"{text}, and {other} has {winner.name} {winner.version}")
    return found


def compare(cog: Layer, generations: str) -> list[str]:
    """Write down what `cog` contradicts in every environment below `generations` of its Python; return what is new.

    Neither ever changes, so what is written already is right. What was written for environments that
    are gone is removed.
    """
    folder = conflicts_folder(cog)
    os.makedirs(folder, exist_ok=True)
    existing, written = dict(environments(generations, cog.python)), set(names_in(folder))
    new, ours = list[str](), packages(cog) if existing.keys() - written else {}
    for name in sorted(existing.keys() - written):
        lines = between([(os.path.basename(cog.root), ours), (name.replace(".", "/", 1), packages(existing[name]))])
        replace_text(f"{folder}/{name}", "".join(f"{line}\n" for line in lines))
        new += lines
    for name in written - existing.keys():
        os.unlink(f"{folder}/{name}")
    return new


def environments(generations: str, python: str) -> Iterator[tuple[str, Layer]]:
    """Yield each finished environment for that Python below `generations`, with the name of its conflicts' file."""
    for generation in names_in(generations):
        for name in names_in(f"{generations}/{generation}") if generation_number(generation) is not None else ():
            layer = Layer(f"{generations}/{generation}/{name}", python)
            if name.startswith(f"python{python}-") and layer.is_ready:
                yield f"{generation}.{name}", layer


def forget(cogs: str) -> None:
    """Remove what was written for cog generations below `cogs` that are gone."""
    for name in names_in(f"{cogs}/conflicts"):
        if not os.path.isdir(f"{cogs}/{name}"):
            shutil.rmtree(f"{cogs}/conflicts/{name}", ignore_errors=True)


def _needs(lines: Sequence[str], python: str) -> Iterator[Requirement]:
    """Yield the requirements that hold for that Python on Linux, without those of extras."""
    about = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    about |= {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    about |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    for line in lines:
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(about):
                yield requirement
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue  # packages from before the standard have requirements that cannot be parsed


def _meets(need: Requirement, version: str) -> bool:
    try:
        return need.url is not None or need.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _plain(need: Requirement) -> str:
    return f"{need.name}{need.specifier}"
