"""How two generations differ: environments that come and go, and each change of a package once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.monobase.environment import LINK, manifest_of, read_marker
from workbench.monobase.generation import Generation
from workbench.monobase.layout import read_done
from workbench.monobase.prefix import Prefix
from workbench.monobase.resolving import versions
from workbench.monobase.store import FileStore
from workbench.monobase.wheels import Wheels


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that changed its version, is new (`old` is "") or gone (`new` is ""), and in which environments."""

    package: str
    old: str
    new: str
    environments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GenerationDiff:
    """What it takes to get from one generation to another.

    `common` counts the environments that both have: changes are those of these. Bytes are those of
    files that only one of the two has, None when they are not both built below the prefix.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changes: tuple[PackageChange, ...]
    common: int
    bytes_added: int | None = None
    bytes_removed: int | None = None


def diff(old: Generation, new: Generation, prefix: Prefix | None = None) -> GenerationDiff:
    """Return how `new` differs from `old`; with a `prefix` that has both, by how many bytes too (fault M7)."""
    before = {environment.name: environment for environment in old.environments}
    after = {environment.name: environment for environment in new.environments}
    found: dict[tuple[str, str, str], list[str]] = {}
    common = [name for name in before if name in after]
    for name in common:
        was, now = versions(before[name].requirements), versions(after[name].requirements)
        for package in was.keys() | now.keys():
            if was.get(package) != now.get(package):
                found.setdefault((package, was.get(package, ""), now.get(package, "")), []).append(name)
    changes = tuple(PackageChange(*key, tuple(sorted(found[key]))) for key in sorted(found))
    added, removed = _bytes(prefix, old.name, new.name) if prefix else (None, None)
    return GenerationDiff(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        changes,
        len(common),
        added,
        removed,
    )


def _bytes(prefix: Prefix, old: str, new: str) -> tuple[int | None, int | None]:
    try:
        before, after = _files(prefix, old), _files(prefix, new)
    except (WorkbenchError, OSError):
        return None, None
    if not before or not after:
        return None, None
    added, removed = (
        sum(more[entry] for entry in more.keys() - less.keys()) for more, less in ((after, before), (before, after))
    )
    return added, removed


def _files(prefix: Prefix, name: str) -> Mapping[str, int]:
    """Return the bytes of every distinct file of a generation by its entry in the store; none if it is not whole."""
    store, wheels, folder = FileStore(prefix), Wheels(prefix), prefix.generation(name)
    sizes: dict[str, int] = {}
    if read_done(folder) is None:
        return sizes
    for environment in os.scandir(folder):
        marker = read_marker(environment.path)
        if marker is not None:
            for entry in manifest_of(wheels, marker.wheels, marker.frame).values():
                if not entry.startswith(LINK) and entry not in sizes:
                    sizes[entry] = os.stat(store.path(entry)).st_size
    return sizes
