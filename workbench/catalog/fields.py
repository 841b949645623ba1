"""The fields of a frozen release's file: what was promised stays as it was frozen."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from workbench.catalog.faults import Faults
from workbench.catalog.frozen import RELEASE_FILE
from workbench.catalog.toml_file import line_of
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Release

# What goes on being written after the freeze: the life of the release, and what is found out about its packages.
LIVING = ("display", "state", "reason", "record", "amended", "support", "security", "exceptions")


def check_fields(tree: CatalogueTree, frozen: CatalogueTree, path: str, faults: Faults) -> None:
    """Add a fault for every field of the release file at `path` in `tree` that is not as it was frozen.

    A digest that freezing found out may be missing in the file: what was frozen has it.
    """
    text = tree.text(path)
    now, then = dict(_leaves(tomllib.loads(text))), dict(_leaves(_frozen_data(frozen)))
    for keys in dict.fromkeys([*now, *then]):
        if keys[0] in LIVING or now.get(keys) == then.get(keys) or (keys[-1] == "digest" and keys not in now):
            continue
        name = ".".join(keys)
        if keys not in then:
            message = f"{name} was not there when it was frozen"
        elif keys not in now:
            message = f"{name} was {then[keys]!r} when it was frozen, and is gone"
        else:
            message = f"{name} was {then[keys]!r} when it was frozen, and is {now[keys]!r}"
        faults.add(f"{path}:{line_of(text, keys)}", message)


def with_digests(frozen: CatalogueTree, release: Release) -> Release:
    """Return `release` with the digests of root images that its freezing found out."""
    pins: Mapping[str, Mapping[str, str]] = _frozen_data(frozen).get("os", {})
    systems = {
        os: replace(system, digest=pins.get(os, {}).get("digest", system.digest))
        for os, system in release.systems.items()
    }
    return replace(release, systems=systems)


def _frozen_data(frozen: CatalogueTree) -> dict[str, Any]:
    return tomllib.loads(frozen.text(RELEASE_FILE))


def _leaves(data: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Yield every value that is no table, with the keys that lead to it; tables in a list are numbered."""
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        data = {str(number): item for number, item in enumerate(data)}
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, (*above, key))
    else:
        yield above, data
