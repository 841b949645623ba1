"""What an update of a release records of the sizes of its packages: its recipes divide their lists by them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from workbench.catalog.sizes import SIZES, read_sizes, sizes_text
from workbench.catalog.values import Release
from workbench.compose.recipe import RecipeFile
from workbench.lock.interpreter import version_of
from workbench.lock.pipenv import LOCK
from workbench.lock.sizes import sizes_of
from workbench.names import python_of_lists


def with_sizes(
    release: Release, files: Mapping[str, RecipeFile], new: Mapping[str, Mapping[str, str]]
) -> dict[str, RecipeFile]:
    """Return the files of the release with the sizes of what its `new` locks (by folder) pin, as the indexes give them.

    A release that divides no list has no record of them, and gets none. Raises WorkbenchError when an index does not
    answer.
    """
    changed = dict(files)
    for folder, texts in new.items() if release.layers.sizes else ():
        path = f"{folder}/{SIZES}"
        known = read_sizes(files[path].data.decode()) if path in files else {}
        lists = [text for name, text in texts.items() if name != LOCK]
        python = python_of_lists(folder.rpartition("/")[2]) or version_of(sys.executable) or ""
        changed[path] = RecipeFile(sizes_text(sizes_of(lists, python, known)).encode(), False, "")
    return changed
