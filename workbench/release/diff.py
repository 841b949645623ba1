"""How two releases differ: Python and operating system packages, bundle by bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.catalog.unavailable import lists_of
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.lock.pipenv import LOCK
from workbench.names import python_version
from workbench.release.pins import pins_in

ADDED, REMOVED, MOVED = "added", "removed", "moved"


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """One difference: in which bundle, for which Python or operating system, what, and from what to what."""

    bundle: str
    where: str
    kind: str
    name: str
    before: str
    after: str

    @property
    def status(self) -> str:
        """added, removed or moved."""
        return ADDED if not self.before else MOVED if self.after else REMOVED


def diff(catalogue: Catalogue, old: str, new: str) -> list[ReleaseChange]:
    """Return every difference from the release `old` to the release `new`, by bundle; of their files first."""
    pins = [catalogue.release(name) for name in (old, new)]
    views = [at_release(catalogue, name) for name in (old, new)]
    found = list(_changes("", "", "field", *(_fields(catalogue, release.name) for release in pins)))
    bundles = list(dict.fromkeys(name for view in reversed(views) for name in view.bundles))
    for bundle in bundles:
        sides = [_python_packages(view, bundle) for view in views]
        for python in dict.fromkeys(each for side in sides for each in side):
            found += _changes(bundle, python, "python", *(side.get(python, {}) for side in sides))
        systems = dict.fromkeys(os for release in pins for os in release.systems)
        for os in systems:
            lists = [
                _os_packages(view, bundle, os) if os in release.systems else {}
                for view, release in zip(views, pins, strict=True)
            ]
            found += _changes(bundle, os, "os", *lists)
    return found


def _changes(
    bundle: str, where: str, kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[ReleaseChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield ReleaseChange(bundle, where, kind, name, before.get(name, ""), after.get(name, ""))


def _fields(catalogue: Catalogue, name: str) -> dict[str, str]:
    release = at_release(catalogue, name).releases[name]
    fields = {f"cuda.{key}": value for key, value in release.cuda.items()}
    for os, system in release.systems.items():
        fields[f"os.{os}.image"] = f"{system.image}@{system.digest}" if system.digest else system.image
        fields[f"os.{os}.pythons"] = ", ".join(system.pythons)
    for tool, pins in release.tools.items():
        fields |= {f"tools.{tool}.{kind}": ", ".join(each.values()) for kind, each in pins.items()}
    fields |= {f"extensions.{name}": ", ".join(pins.values()) for name, pins in release.extensions.items()}
    if sizes := release.layers.sizes:
        fields["layers.from"] = ", ".join(f"{size}MB" for size in sizes)
    return fields


def _python_packages(view: Catalogue, bundle: str) -> dict[str, dict[str, str]]:
    """Return what a bundle pins by Python; nothing for a bundle that the release has not."""
    if bundle not in view.bundles:
        return {}
    found = {}
    for folder in view.bundles[bundle].pythons:
        path = f"{view.bundles[bundle].folder}/{folder}/{LOCK}"
        if view.tree.exists(path):
            found[python_version(folder) or folder] = pins_in(view.tree.read(path), view.tree.place(path))
    return found


def _os_packages(view: Catalogue, bundle: str, os: str) -> dict[str, str]:
    if bundle not in view.bundles:
        return {}
    lists = lists_of(view, view.bundles[bundle], os)
    lines = (line.strip() for path in lists for line in view.tree.text(path).splitlines())
    # A list names packages, and seldom a version.
    return {line.partition("=")[0]: line for line in lines if line}
