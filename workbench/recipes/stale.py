"""Checking a recipe folder: can it be built as it stands, and is it what the catalogue makes today?"""

from __future__ import annotations

import os

from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.checks import containerfile_problems
from workbench.compose.placeholders import left_over
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import CONTAINERFILE, MANIFEST
from workbench.errors import FaultsError, WorkbenchError
from workbench.recipes.lint import lint
from workbench.recipes.read import RecipeManifest, read_files, read_manifest
from workbench.recipes.write import CREATE, DELETE, KEEP, REPLACE, compare


def check_folder(catalogue: Catalogue, folder: str, *, with_lint: bool = True) -> list[tuple[str, str]]:
    """Return what is wrong with the recipe in `folder`, as `(path and line, message)`; nothing when all is well.

    Checked are the folder's name, files changed by hand, the Containerfile (COPY sources,
    placeholders, last USER and WORKDIR, hadolint), and whether the catalogue makes the same today.
    """
    try:
        manifest, files = read_manifest(folder), read_files(folder)
    except WorkbenchError as error:
        return [(error.where or folder, error.message)]
    found = []
    if os.path.basename(os.path.abspath(folder)) != manifest.tag:
        found.append((folder, f"is named otherwise than its tag {manifest.tag}"))
    found += _buildable(folder, files)
    if with_lint and CONTAINERFILE in files:
        containerfile = os.path.join(folder, CONTAINERFILE)
        text = files[CONTAINERFILE].decode(errors="replace")
        view = at_release(catalogue, manifest.selection.release)
        found += [(f"{containerfile}:{line}", message) for line, message in lint(view, text)]
    return found + _stale(catalogue, folder, manifest)


def _buildable(folder: str, files: dict[str, bytes]) -> list[tuple[str, str]]:
    containerfile = os.path.join(folder, CONTAINERFILE)
    if CONTAINERFILE not in files:
        return [(containerfile, "is missing")]
    text = files[CONTAINERFILE].decode(errors="replace")
    found = [(f"{containerfile}:{line}", message) for line, message in containerfile_problems(text, files)]
    return found + [(containerfile, f"the placeholder {name} is left") for name in left_over(text)]


def _stale(catalogue: Catalogue, folder: str, manifest: RecipeManifest) -> list[tuple[str, str]]:
    """Return how the folder differs from its recipe composed anew, with the catalogue file to blame."""
    try:
        recipe = compose_checked(catalogue, manifest.selection)
    except FaultsError as error:
        return [(where, f"stale: {message}") for where, message in error.faults]
    except WorkbenchError as error:
        return [(error.where or folder, f"stale: {error.message}")]
    found = [
        (path, "stale: changed in the catalogue since" if path in recipe.inputs else "stale: gone from the recipe")
        for path, digest in manifest.inputs.items()
        if recipe.inputs.get(path) != digest
    ]
    found += [(path, "stale: new in the recipe") for path in recipe.inputs if path not in manifest.inputs]
    if not found:
        words = {REPLACE: "changed by hand", DELETE: "added by hand", KEEP: "added by hand", CREATE: "is missing"}
        statuses = compare(recipe, folder)
        changed = [(path, words[status]) for path, status in statuses.items() if status in words]
        # The manifest alone differs when another version of the tool made it: nothing to act on.
        found = [
            (os.path.join(folder, path), what) for path, what in changed if [path for path, _ in changed] != [MANIFEST]
        ]
    return found
