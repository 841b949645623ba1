"""The recipes of our own catalogue, whole: a change to one is seen in the review of the change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe

GOLDENS = Path(__file__).parent / "goldens"


def recipes() -> list[Recipe]:
    catalogue = read_catalogue(str(REPOSITORY))
    # A base changes FROM and the labels only: one bundle on one CUDA base shows that. The base cpu changes lists too.
    selected = {("standard", bundle) for bundle in catalogue.bundles} | {
        ("cuda-devel", "minimal"),
        ("cpu", "tensorflow"),
    }
    # Of the releases before the newest, each bundle and the CUDA base once: with Jupyter.
    newest = next(iter(catalogue.releases))
    shown = [
        selection
        for selection in combinations(catalogue, "20261122")
        if (selection.base, selection.bundle) in selected
        and (selection.release == newest or selection.ide == "jupyter")
    ]
    return [recipe for selection in shown if (recipe := attempt(catalogue, selection)[0])]


def text(recipe: Recipe) -> str:
    """The Containerfile, then every file with its mode, digest and origin."""
    lines = [
        f"{'755' if file.executable else '644'} {file.digest} {path} < {file.origin or 'composed'}"
        for path, file in recipe.files.items()
    ]
    return recipe.containerfile + "\n" + "\n".join(lines) + "\n"


def name(recipe: Recipe) -> str:
    return f"{recipe.tag}.{recipe.selection.base}.txt"


RECIPES = recipes()


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_recipe_is_as_it_was_reviewed(recipe: Recipe) -> None:
    golden = GOLDENS / name(recipe)
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text(recipe))
    assert golden.exists(), "a new recipe: look at it, then run `make goldens`"
    assert text(recipe) == golden.read_text(), "a changed recipe: look at the difference, then run `make goldens`"


def test_no_golden_is_left_over() -> None:
    assert sorted(path.name for path in GOLDENS.iterdir()) == sorted(name(recipe) for recipe in RECIPES)
