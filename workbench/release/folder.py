"""The folder of a release, `releases/NAME/`: what is in it, and writing it whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from workbench.catalog.cuda_layers import WHEELS
from workbench.catalog.frozen import FrozenTree, record_digest, record_text
from workbench.catalog.releases import SUMS
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Release
from workbench.compose.recipe import RecipeFile
from workbench.errors import WorkbenchError
from workbench.files import entries_below, write_whole
from workbench.names import python_of, python_of_lists
from workbench.recipes.write import replace_folder
from workbench.release.text import with_value


def frozen_paths(tree: CatalogueTree, release: Release) -> list[str]:
    """Return the path of every file and empty folder of `tree` that recipes and images of `release` are made from.

    Locks are those of the release's Pythons, bases of its systems, wheels of its CUDA.
    """
    pythons = {python for system in release.systems.values() for python in system.pythons}
    rooms = ["bundles", "ides", "snippets", "cuda-layer", *(f"base/{os_name}" for os_name in release.systems)]
    wheels = f"{WHEELS}/{release.cuda.get('version', '')}/"
    found = []
    for path in (f"{room}/{file}" for room in rooms for file in tree.walk(room)):
        python = next(
            (version for part in path.split("/")[1:3] if (version := python_of_lists(part) or python_of(part))), None
        )
        if (python is None or python in pythons) and (not path.startswith(f"{WHEELS}/") or path.startswith(wheels)):
            found.append(path)
    return found


def read_files(tree: CatalogueTree, paths: list[str]) -> dict[str, RecipeFile]:
    """Return the files of `tree` at `paths`."""
    return {path: RecipeFile(tree.read(path), tree.executable(path), path) for path in paths}


def own_files(tree: CatalogueTree, release: Release) -> dict[str, RecipeFile]:
    """Return the files in the folder of a release, by their path there; the record of a frozen one is left out.

    Of a frozen one they are those that were frozen; raises WorkbenchError when one was changed since.
    """
    if isinstance(tree, FrozenTree):
        return read_files(tree, [*tree.record.sums, *sorted(tree.record.folders)])
    folder = os.path.join(tree.root, release.own)
    return read_files(CatalogueTree(folder), sorted(files_below(folder) - {SUMS}))


def files_below(folder: str) -> set[str]:
    """Return the path of every file below `folder`, and of every empty folder with a `/` at its end.

    They are relative to it, whatever their names.
    """
    return set(entries_below(folder))


def with_record(files: Mapping[str, RecipeFile]) -> dict[str, RecipeFile]:
    """Return `files` with the record of them."""
    sums = {path: hashlib.sha256(file.data).hexdigest() for path, file in files.items() if not path.endswith("/")}
    text = record_text(sums, [path for path, file in files.items() if file.executable], files.keys() - sums.keys())
    return {**files, SUMS: RecipeFile(text.encode(), False, "")}


def write_frozen(tree: CatalogueTree, release: Release, files: Mapping[str, RecipeFile], text: str = "") -> None:
    """Make `files` and their record all that is in the folder of `release`, and name the record in its file.

    `text` is the file's text from then on ("": as it is). The file names both records while the folder is replaced,
    so that an interrupted run leaves the old release or the new one. Raises WorkbenchError when the disk refuses.
    """
    path, whole = os.path.join(tree.root, release.path), with_record(files)
    before, record = tree.text(release.path), record_digest(whole[SUMS].data)
    write_whole(path, with_value(before, ("record",), " ".join(dict.fromkeys([record, *release.record]))))
    try:
        write_folder(tree, release.name, whole)
    except WorkbenchError:
        write_whole(path, before)
        raise
    write_whole(path, with_value(text or before, ("record",), record))


def write_folder(tree: CatalogueTree, name: str, files: Mapping[str, RecipeFile]) -> None:
    """Make `files` all that is in the folder of the release `name`: in one step, or not at all.

    Raises WorkbenchError when the disk refuses.
    """
    try:
        replace_folder(os.path.join(tree.root, "releases"), name, files)
    except OSError as error:
        raise WorkbenchError(
            f"the release cannot be written: {error.strerror}",
            where=str(error.filename or f"releases/{name}"),
            hint="nothing was written",
        ) from None
