"""What was changed by hand in a recipe folder since it was composed: its recipe.toml has the digest of every file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from workbench.compose.recipe import MANIFEST, RECORDS
from workbench.errors import WorkbenchError
from workbench.files import entries_below
from workbench.recipes.read import RecipeManifest

CHANGED, ADDED, REMOVED = "changed", "added", "removed"


def digests(folder: str) -> dict[str, str]:
    """Return the sha256 of every file and empty folder below `folder` by its path, without the records of a build.

    Raises WorkbenchError when one cannot be read.
    """
    found = {}
    for path in entries_below(folder):
        if path in RECORDS:
            continue
        full = os.path.join(folder, path)
        if path.endswith("/"):
            found[path] = hashlib.sha256(b"").hexdigest()
            continue
        if os.path.islink(full) and not os.path.isfile(full):
            found[path] = hashlib.sha256(os.readlink(full).encode()).hexdigest()
            continue
        try:
            with open(full, "rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise WorkbenchError(f"cannot be read: {error.strerror}", where=full) from None
    return found


def changes_by_hand(manifest: RecipeManifest, found: dict[str, str]) -> dict[str, str]:
    """Return changed, added or removed for each path whose digest in `found` is not the recipe's own."""
    paths = sorted({*manifest.files, *found} - {MANIFEST})
    return {
        path: REMOVED if path not in found else ADDED if path not in manifest.files else CHANGED
        for path in paths
        if found.get(path) != manifest.files.get(path) and not _holds(path, found)
    }


def _holds(path: str, found: Iterable[str]) -> bool:
    """Return whether `path` is a folder that the recipe made empty and that holds something now."""
    return path.endswith("/") and any(each.startswith(path) and each != path for each in found)
