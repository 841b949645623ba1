"""Composing a recipe again, with what was changed by hand in its folder merged into the new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.architecture import this_architecture
from workbench.catalog.questions import Answers, Selection
from workbench.compose.checks import containerfile_problems
from workbench.compose.recipe import CONTAINERFILE, MANIFEST, RECORDS, Recipe, RecipeFile
from workbench.errors import WorkbenchError
from workbench.files import entries_below
from workbench.recipes.composed import recall, remember
from workbench.recipes.merge import merge
from workbench.recipes.read import RecipeManifest, answers_from, read_manifest
from workbench.recipes.write import disk_errors, folder_of, replace_folder

# What becomes of a file. YOURS was changed by hand only, MERGED in the catalogue too, CONFLICT in the same lines.
SAME, NEW, COMPOSED, GONE = "identical", "create", "update", "delete"
YOURS, MERGED, CONFLICT = "keep", "merge", "conflict"
# Beside a file that cannot be merged: what was composed for it.
BESIDE = ".composed"


@dataclass(frozen=True, slots=True)
class RecipeUpdate:
    """A recipe composed again: where it goes, the folder it is from, and its files with what became of each.

    `kept` are the user's own files, by path and full path; `notes` say of a path why it is a conflict.
    """

    recipe: Recipe
    source: str
    folder: str
    files: Mapping[str, RecipeFile]
    statuses: Mapping[str, str]
    kept: Mapping[str, str]
    notes: Mapping[str, str]

    @property
    def conflicts(self) -> list[str]:
        """The paths that a person must look at."""
        return [path for path, status in self.statuses.items() if status == CONFLICT]

    @property
    def changes(self) -> bool:
        """Whether writing it would change anything."""
        return self.folder != self.source or any(status not in (SAME, YOURS) for status in self.statuses.values())


def updated_selection(folder: str, flags: Answers) -> Selection:
    """Return what the recipe in `folder` is of, with the answers of `flags` in place of its own.

    It is for this machine's architecture where the flags name none.
    """
    return Selection(**{"architecture": this_architecture(), **answers_from(folder, flags)})


def plan_update(folder: str, recipe: Recipe, compose_before: Callable[[Selection], Recipe], out: str) -> RecipeUpdate:
    """Return what becomes of the recipe in `folder` when `recipe` takes its place, below `out`.

    `compose_before` composes the recipe as it was chosen: where the catalogue is the same still, that shows
    what was changed by hand. Raises WorkbenchError when the folder is no recipe or cannot be read.
    """
    manifest = read_manifest(folder)
    try:
        before: Mapping[str, RecipeFile] = compose_before(manifest.selection).files
    except WorkbenchError:
        before = {}  # the catalogue cannot make it any more; the cache may have it
    mine, kept = _read(folder, manifest, recipe)
    files: dict[str, RecipeFile] = {}
    statuses: dict[str, str] = dict.fromkeys(kept, YOURS)
    notes: dict[str, str] = {}
    for path in sorted({*recipe.files, *manifest.files, *mine} - {MANIFEST}):
        base = _base(path, manifest, before)
        file, status, note = _merged(mine.get(path), base, recipe.files.get(path), manifest.files.get(path, ""))
        statuses[path] = status
        if file is not None:
            files[path] = file
        if note:
            notes[path] = note
        if note == _NO_TEXT and path in recipe.files:
            files[path + BESIDE] = recipe.files[path]
            statuses[path + BESIDE] = NEW
    files[MANIFEST] = recipe.files[MANIFEST]
    current = mine.get(MANIFEST)
    statuses[MANIFEST] = SAME if current and current.data == files[MANIFEST].data else COMPOSED
    target = folder_of(recipe, out)
    return RecipeUpdate(recipe, folder, target, files, dict(sorted(statuses.items())), kept, notes)


def write_update(update: RecipeUpdate) -> None:
    """Write it, whole or not at all; the folder that it is from stays where that is another one.

    Raises WorkbenchError for another folder that is there already, and when the disk refuses.
    """
    out, name = os.path.split(os.path.abspath(update.folder))
    if not _is_same(update.folder, update.source) and os.path.lexists(update.folder):
        raise WorkbenchError(
            "exists already", where=update.folder, hint="move it away, give another --out, or update that one"
        )
    with disk_errors(out):
        replace_folder(out, name, update.files, update.kept)
    remember(update.recipe.files.values())


def problems(update: RecipeUpdate) -> list[tuple[str, str]]:
    """Return what a person must look at before a build, by file (and line): conflicts, else a damaged Containerfile.

    A merge that has no conflict may still put two lines together that do not go together.
    """
    if update.conflicts:
        return [(path, update.notes[path]) for path in update.conflicts]
    text = update.files[CONTAINERFILE].data.decode(errors="replace") if CONTAINERFILE in update.files else ""
    present = {**update.files, **dict.fromkeys(update.kept, None)}
    return [(f"{CONTAINERFILE}:{line}", message) for line, message in containerfile_problems(text, present)]


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _read(folder: str, manifest: RecipeManifest, recipe: Recipe) -> tuple[dict[str, RecipeFile], dict[str, str]]:
    """Return the files of the folder that a recipe has or had, and the full paths of the user's own."""
    mine, kept = {}, {}
    for path in entries_below(folder):
        if path in RECORDS:
            continue
        full = os.path.join(folder, path)
        if path not in {*manifest.files, *recipe.files, MANIFEST}:
            kept[path] = full
            continue
        try:
            if path.endswith("/"):
                mine[path] = RecipeFile(b"", False, full)
                continue
            with open(full, "rb") as file:
                mine[path] = RecipeFile(file.read(), bool(os.stat(full).st_mode & 0o100), full)
        except OSError as error:
            raise WorkbenchError(f"cannot be read: {error.strerror}", where=full) from None
    return mine, kept


def _base(path: str, manifest: RecipeManifest, before: Mapping[str, RecipeFile]) -> bytes | None:
    """Return a file as it was composed, None where that is not known any more."""
    digest = manifest.files.get(path, "")
    if path in before and before[path].digest == digest:
        return before[path].data
    return recall(digest) if digest else None


_NO_TEXT = "cannot be merged: it is no text"


def _merged(
    mine: RecipeFile | None, base: bytes | None, new: RecipeFile | None, digest: str
) -> tuple[RecipeFile | None, str, str]:
    """Return what a file becomes (None for nothing), the word for that, and why it is a conflict.

    `digest` is that of the file as it was composed, "" where it was not.
    """
    untouched = mine is not None and mine.digest == digest
    if new is None:
        if mine is None or untouched:
            return None, GONE, ""
        return mine, CONFLICT, "gone from the recipe, and changed by hand: yours stays"
    if mine is None:
        if digest and new.digest == digest:
            return None, YOURS, ""
        return new, CONFLICT if digest else NEW, "removed by hand, and composed otherwise now" if digest else ""
    if untouched or mine.data == new.data:
        return new, SAME if mine.data == new.data else COMPOSED, ""
    if new.digest == digest:
        return mine, YOURS, ""
    try:
        result = merge(mine.data.decode(), None if base is None else base.decode(), new.data.decode())
    except UnicodeDecodeError:
        return mine, CONFLICT, _NO_TEXT
    file = RecipeFile(result.text.encode(), new.executable, mine.origin)
    why = "changed by hand and in the catalogue, in the same lines"
    if base is None:
        why = "changed by hand, and how it was composed is not known here: each difference is marked"
    return (file, CONFLICT, why) if result.conflicts else (file, MERGED, "")
