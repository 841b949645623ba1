"""Tables outside the folder of a release that its recipes depend on: kept when it is frozen, compared when checked."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workbench.catalog.bases import default_tables
from workbench.catalog.compatibility import PATH
from workbench.catalog.frozen import FrozenTree
from workbench.catalog.toml_file import line_of
from workbench.catalog.tree import CatalogueTree
from workbench.compose.recipe import RecipeFile
from workbench.packages import normalized_name

COMPATIBILITY, BASES = "compat.toml", "bases.toml"
# Who checked a row and when may be renewed without the row being another.
_PROVENANCE = ("source", "checked")


def kept_tables(tree: CatalogueTree) -> dict[str, RecipeFile]:
    """Return the tables as they are now, by their path in the folder of a frozen release."""
    import tomli_w

    kept = {BASES: RecipeFile(tomli_w.dumps(default_tables()).encode(), False, "")}
    if tree.exists(PATH):
        kept[COMPATIBILITY] = RecipeFile(tree.read(PATH), False, PATH)
    return kept


def changed_rows(
    tree: CatalogueTree, frozen: FrozenTree, locks: Collection[Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield every row that the frozen release used and that is another in the catalogue `tree` now, with its place.

    `locks` are the versions of each lock, by package: a framework's row is used by whoever locks that version.
    """
    if frozen.exists(COMPATIBILITY):
        then = tomllib.loads(frozen.text(COMPATIBILITY))
        text = tree.text(PATH) if tree.exists(PATH) else ""
        now = tomllib.loads(text)
        for keys in _used(then, locks):
            if (was := _row(then, keys)) != (is_now := _row(now, keys)):
                what = f"and is {is_now!r}" if is_now is not None else "and is gone"
                yield f"{PATH}:{line_of(text, keys)}", f"{'.'.join(keys)} was {was!r} when it was frozen, {what}"
    if frozen.exists(BASES):
        now = {name: dict(table) for name, table in default_tables().items()}
        for name, table in tomllib.loads(frozen.text(BASES)).items():
            if now.get(name) != table:
                yield frozen.place(BASES), f"the base {name} is another by default now: {now.get(name)!r}"


def _used(table: Mapping[str, Any], locks: Collection[Mapping[str, str]]) -> Iterator[tuple[str, ...]]:
    for kind, rows in table.items():
        if kind != "framework":
            yield from ((kind, key) for key in rows if key not in _PROVENANCE)
            continue
        for name, versions in rows.items():
            pinned = {lock[normalized_name(name)].partition("+")[0] for lock in locks if normalized_name(name) in lock}
            yield from ((kind, name, version) for version in versions if version in pinned)


def _row(table: Mapping[str, Any], keys: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Return what stands at the key path, without its source; None where nothing does."""
    value: Any = table
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return {key: each for key, each in value.items() if key not in _PROVENANCE} if isinstance(value, dict) else value
