"""Every combination of our own catalogue: both systems, all bases, all bundles and IDEs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.catalogues import DATE, REPOSITORY, our_recipes
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe
from workbench.containerfile.parser import instructions
from workbench.recipes.lint import CONFIG
from workbench.wizard.choices import choices_of


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


@pytest.fixture(scope="module")
def recipes() -> tuple[Recipe, ...]:
    return our_recipes()


def test_every_system_base_bundle_and_ide_is_in_it(ours: Catalogue, recipes: tuple[Recipe, ...]) -> None:
    counts = Counter((recipe.selection.os, recipe.selection.base) for recipe in recipes)
    everywhere = {(os, base) for os in ours.systems for base in ours.releases["2026a"].bases}
    # For ROCm no lists are locked.
    assert set(counts) == everywhere - {(os, "rocm") for os in ours.systems}
    assert {recipe.selection.bundle for recipe in recipes} == set(ours.bundles)
    assert {recipe.selection.ide for recipe in recipes} == set(ours.ides)


@pytest.mark.thorough
def test_nothing_is_offered_that_cannot_be_built(ours: Catalogue) -> None:
    """What the rules let through composes without a problem, and the wizard greys out just what they refuse."""
    shown: dict[tuple[str, frozenset[tuple[str, str]]], dict[str, str]] = {}

    def greyed(question: str, answers: Mapping[str, str]) -> dict[str, str]:
        """The reason of each of the wizard's choices, "" for none: many combinations come to the same question."""
        key = (question, frozenset(answers.items()))
        if key not in shown:
            shown[key] = {choice.value: choice.reason for choice in choices_of(question, ours, answers)}
        return shown[key]

    for selection in combinations(ours, DATE):
        recipe, reason = attempt(ours, selection)
        answers = selection.as_answers()
        assert reason == "; ".join(reasons(at_release(ours, selection.release), answers)), selection
        assert (recipe is None) == bool(reason)
        before = {**answers, "ide": ""}
        refused = greyed("bundle", {**before, "bundle": ""})[selection.bundle] or greyed("ide", before)[selection.ide]
        assert bool(refused) == bool(reason), selection


def test_every_file_that_is_copied_is_in_the_folder(recipes: tuple[Recipe, ...]) -> None:
    for recipe in recipes:
        copied = [
            source.removeprefix("./").rstrip("/")
            for item in instructions(recipe.containerfile)
            if item.word in ("COPY", "ADD") and not any(flag.startswith("--from=") for flag in item.flags)
            for source in item.args[:-1]
        ]
        for source in copied:
            files = [path for path in recipe.files if path == source or path.startswith(f"{source}/")]
            assert files, f"{recipe.tag}: {source}"


@pytest.mark.thorough
def test_hadolint_finds_nothing_in_any(recipes: tuple[Recipe, ...]) -> None:
    """Asked anew, and not taken from what it output at another time; each text once, whatever its names are."""
    texts = {shape(recipe): recipe.containerfile for recipe in reversed(recipes)}
    assert len(texts) > len(recipes) / 12
    assert "label-schema" not in (REPOSITORY / CONFIG).read_text(), "it would look at the values of labels"
    assert {text: found for text in texts.values() if (found := hadolint(text))} == {}


def shape(recipe: Recipe) -> tuple[str, ...]:
    """A recipe's instructions without what no rule looks at: comments, the name of the base, values of labels."""
    text = recipe.containerfile.replace(recipe.image, "localhost/base:1")
    pragmas = [line for line in text.splitlines() if re.match(r"#\s*hadolint\b", line)]
    return (
        *pragmas,
        *(
            re.sub(r'"[^"]*"', '""', item.original) if item.word == "LABEL" else item.original
            for item in instructions(text)
        ),
    )


def test_hadolint_does_find_faults(recipes: tuple[Recipe, ...]) -> None:
    assert hadolint(f"{recipes[0].containerfile}RUN cd /tmp && sudo true\n") == ["DL3003", "DL3004"]


def hadolint(text: str) -> list[str]:
    """Return the codes of what hadolint finds beside the documented list of ignored rules."""
    command = [
        str(Path(sys.executable).with_name("hadolint")),
        "--format",
        "json",
        "--no-fail",
        "--config",
        str(REPOSITORY / CONFIG),
        "-",
    ]
    output = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return sorted(str(finding["code"]) for finding in json.loads(output))
