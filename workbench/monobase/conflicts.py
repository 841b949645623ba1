"""What layers contradict each other in: requirements that the package which wins does not meet.

Two versions of one package are no conflict by themselves: the first layer's wins. It is one when
a package of a later layer needs another (faults M11, M16). VerifyReport while building, and written down, so
that activation needs no Python.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from workbench.monobase.activation import conflicts_folder
from workbench.monobase.documents import make_way, write_text
from workbench.monobase.environment import read_marker
from workbench.monobase.layer import Layer, names_in
from workbench.monobase.layout import is_cog_generation
from workbench.monobase.names import generation_number
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package in a layer: its version and what it needs."""

    name: str
    version: str
    needs: tuple[Requirement, ...]


def packages(layer: Layer) -> dict[str, InstalledPackage]:
    """Return the packages of a layer by normalised name. Nothing of them is imported.

    One whose metadata are no text is damaged, and left out: what is damaged is found file by file.
    """
    found: dict[str, InstalledPackage] = {}
    for distribution in _distributions(layer.site):
        with contextlib.suppress(UnicodeDecodeError):
            metadata = distribution.metadata
            name = metadata["Name"] if "Name" in metadata else ""  # noqa: SIM401 - the type has no `get`
            if name:
                key, needs = normalized_name(name), tuple(_needs(distribution.requires or (), layer.python))
                found.setdefault(key, InstalledPackage(key, distribution.version or "", needs))
    return found


def _distributions(site: str) -> Iterator[importlib.metadata.Distribution]:
    """Yield what is installed in `site`; what has something else than files to read is damaged, and left out."""
    for name in names_in(site):
        if name.endswith((".dist-info", ".egg-info")):
            paths = [f"{site}/{name}{part}" for part in ("", "/METADATA", "/PKG-INFO", "/requires.txt")]
            # To open a pipe would take for ever.
            if all(os.path.isfile(path) or os.path.isdir(path) or not os.path.lexists(path) for path in paths):
                yield importlib.metadata.Distribution.at(Path(site, name))


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
    existing, written = dict(environments(generations, cog.python)), set(os.listdir(folder))
    new, ours = list[str](), packages(cog) if existing.keys() - written else {}
    for name in sorted(existing.keys() - written):
        title = name.replace(".", "/", 1)
        lines = between([(os.path.basename(cog.root), ours), (title, packages(existing[name]))])
        write_text(f"{folder}/{name}", "".join(f"{line}\n" for line in lines))
        new += lines
    for name in written - existing.keys():
        make_way(f"{folder}/{name}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/{name}")
    return new


def contradicted(cogs: str, generations: str, *, names_only: bool = False) -> dict[str, str | None]:
    """Return what stands below `conflicts` of the cogs: each file's text by its path, "" for a folder (with a `/`).

    Of an environment whose marker is damaged nothing can be said: None. With `names_only` nothing is compared, and
    all other texts are "".
    """
    found: dict[str, str | None] = {}
    installed: dict[str, Mapping[str, InstalledPackage]] = {}
    for generation in filter(is_cog_generation, names_in(cogs)):
        for name in names_in(f"{cogs}/{generation}"):
            cog = Layer(f"{cogs}/{generation}/{name}", name.rpartition("-python")[2])
            if not (name.startswith("cog") and cog.is_ready):
                continue
            found |= {f"{generation}/": "", f"{generation}/{name}/": ""}
            ours = {} if names_only else packages(cog)
            for environment, layer in environments(generations, cog.python):
                text = None if read_marker(layer.root) is None else ""
                if text is not None and not names_only:
                    if layer.root not in installed:
                        installed[layer.root] = packages(layer)
                    named = environment.replace(".", "/", 1)
                    lines = between([(name, ours), (named, installed[layer.root])])
                    text = "".join(f"{line}\n" for line in lines)
                found[f"{generation}/{name}/{environment}"] = text
    return found


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
            make_way(f"{cogs}/conflicts/{name}")


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
