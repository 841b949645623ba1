"""What the package indexes have of the packages of locks: each index is queried for its own packages only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workbench.indexes import MAIN
from workbench.lock.pipfile import data_of
from workbench.lock.sources import source_variable, sources_of
from workbench.packages import normalized_name
from workbench.release.index import AvailableVersions
from workbench.release.pins import categories_of, pinned
from workbench.release.relock import ReleaseLock

# Returns what a package index has of each package; the index is named by its variable.
QueryIndex = Callable[[Sequence[str], str], Mapping[str, AvailableVersions]]


def available_of(locks: Mapping[str, ReleaseLock], query: QueryIndex) -> dict[str, dict[str, AvailableVersions]]:
    """Return, for each lock by its folder, what is available of each of its packages.

    A package from a further index is looked for there and nowhere else: the same name elsewhere may be anybody's.
    """
    variables = {folder: _variables(lock) for folder, lock in locks.items()}
    wanted: dict[str, set[str]] = {}
    for each in variables.values():
        for package, variable in each.items():
            wanted.setdefault(variable, set()).add(package)
    found = {variable: query(sorted(packages), variable) for variable, packages in sorted(wanted.items())}
    return {
        folder: {package: found[variable].get(package, AvailableVersions()) for package, variable in each.items()}
        for folder, each in variables.items()
    }


def _variables(lock: ReleaseLock) -> dict[str, str]:
    """Return the variable of the index that each package of a lock is from, by the package's normalised name."""
    sources = sources_of(data_of(lock.pipfile))
    return {
        normalized_name(name): source_variable(sources, entry) or MAIN
        for _, entries in categories_of(lock.data)
        for name, entry in entries.items()
        if pinned(entry)
    }
