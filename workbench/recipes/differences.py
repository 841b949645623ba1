"""What would change in a recipe folder, for a person: packages by list, every other text line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from workbench.compose.diff import ADDED, REMOVED, RecipeChange, diff
from workbench.compose.recipe import MANIFEST, Recipe
from workbench.recipes.read import read_files
from workbench.recipes.write import KEEP, compare

_SIGNS = {ADDED: "+", REMOVED: "-"}


def change_line(change: RecipeChange) -> str:
    """Return one package or file with what became of it."""
    versions = " -> ".join(version for version in (change.old, change.new) if version)
    return f"{_SIGNS.get(change.kind, '~')} {change.name} {versions}".rstrip()


def replacing_lines(recipe: Recipe, folder: str, *, clean: bool = False) -> list[str]:
    """Return how `folder` would change if `recipe` replaced it; with `clean` the user's own files go too."""
    old = read_files(folder)
    kept = {} if clean else {path: old[path] for path, status in compare(recipe, folder).items() if status == KEEP}
    return changed_lines(old, {**kept, **{path: file.data for path, file in recipe.files.items()}})


def changed_lines(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """Return how the files `new` differ from the files `old`: lists of packages first, then texts; no recipe.toml."""
    lists = diff(old, new).packages
    lines: list[str] = []
    for path, changes in lists.items():
        lines += [path, *(f"  {change_line(change)}" for change in changes), ""]
    for path in sorted({*old, *new} - {MANIFEST, *lists}):
        if old.get(path) != new.get(path):
            lines += [*_text_lines(path, old.get(path), new.get(path)), ""]
    return lines[:-1]


def _text_lines(path: str, old: bytes | None, new: bytes | None) -> Iterator[str]:
    try:
        before, after = ((data or b"").decode().splitlines() for data in (old, new))
    except UnicodeDecodeError:
        yield f"{path}: {'removed' if new is None else 'added' if old is None else 'changed'}, and is no text"
        return
    names = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}")
    yield from difflib.unified_diff(before, after, *names, lineterm="")
