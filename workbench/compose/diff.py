"""How two recipes differ: packages first, then files, then the Containerfile."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.compose.recipe import CONTAINERFILE, MANIFEST
from workbench.packages import pins

ADDED, REMOVED, MOVED = "added", "removed", "moved"


@dataclass(frozen=True, slots=True)
class RecipeChange:
    """One package or file: added, removed or moved (changed); `old` and `new` are versions, or empty."""

    name: str
    kind: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """Everything that tells two recipes apart; `packages` by the list (a file) that they are in."""

    packages: Mapping[str, list[RecipeChange]]
    files: list[RecipeChange]
    containerfile: list[str]

    def __bool__(self) -> bool:
        return bool(self.files or self.containerfile or any(self.packages.values()))


def diff(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> RecipeDifference:
    """Return how the recipe with the files `new` differs from the one with the files `old`.

    recipe.toml is left out: it repeats what the others hold.
    """
    lists = sorted(path for path in {*old, *new} if _is_list(path))
    packages = {path: _moves(_packages(path, old), _packages(path, new)) for path in lists}
    others = sorted({*old, *new} - {CONTAINERFILE, MANIFEST, *lists})
    files = [
        RecipeChange(path, REMOVED if path not in new else ADDED if path not in old else MOVED)
        for path in others
        if old.get(path) != new.get(path)
    ]
    return RecipeDifference({path: moves for path, moves in packages.items() if moves}, files, _text_diff(old, new))


def _is_list(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".txt") and name.startswith(("requirements", "os-packages"))


def _packages(path: str, files: Mapping[str, bytes]) -> dict[str, str]:
    text = files.get(path, b"").decode(errors="replace")
    if path.rpartition("/")[2].startswith("os-packages"):
        return {word: "" for line in text.splitlines() if (word := line.partition("#")[0].strip())}
    return dict(pins(text))


def _moves(old: Mapping[str, str], new: Mapping[str, str]) -> list[RecipeChange]:
    return [
        RecipeChange(
            name,
            REMOVED if name not in new else ADDED if name not in old else MOVED,
            old.get(name, ""),
            new.get(name, ""),
        )
        for name in sorted({*old, *new})
        if (name in old, old.get(name)) != (name in new, new.get(name))
    ]


def _text_diff(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    before, after = (files.get(CONTAINERFILE, b"").decode(errors="replace").splitlines() for files in (old, new))
    return list(difflib.unified_diff(before, after, fromfile="old", tofile="new", lineterm=""))
