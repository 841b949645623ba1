from __future__ import annotations

import re

import pytest

from tests import catalogues
from tests.catalogues import selection
from workbench.catalog.values import Catalogue
from workbench.compose.possible import compose_checked
from workbench.errors import FaultsError, WorkbenchError
from workbench.wizard.review import in_answers, review_text, trouble_text

ANSWERS = {**catalogues.ANSWERS, "ide": "runtime", "out": "recipes"}
FILES = {"Containerfile": "replace", "recipe.toml": "identical", "requirements.txt": "create"}


def plain(text: str) -> str:
    """Return `text` without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def review(catalogue: Catalogue, columns: int, refusal: WorkbenchError | None = None) -> str:
    recipe = compose_checked(catalogue, selection(ide="runtime"))
    return review_text(recipe, ANSWERS, f"recipes/{recipe.tag}", FILES, refusal, columns)


def test_the_review_shows_everything_that_would_be_written(catalogue: Catalogue) -> None:
    assert plain(review(catalogue, 80)).split("\n") == [
        "╭─────────────────────────────────── Review ───────────────────────────────────╮",
        *(
            f"│ {line:<76} │"
            for line in (
                "Release  2026a",
                "Date     20261122",
                "Base     standard",
                "System   c9s",
                "Python   3.11",
                "Bundle   plain",
                "IDE      runtime",
                "FROM     localhost/workbench-images:base-c9s-py311_2026a_20261122",
                "Folder   recipes/runtime-plain-c9s-py311_2026a_20261122",
                "",
                "replace    Containerfile",
                "identical  recipe.toml",
                "create     requirements.txt",
            )
        ),
        "╰──────────────────────────────────────────────────────────────────────────────╯",
    ]


@pytest.mark.parametrize("columns", [20, 40, 79])
def test_the_review_keeps_to_the_width_and_cuts_nothing(catalogue: Catalogue, columns: int) -> None:
    lines = plain(review(catalogue, columns)).split("\n")
    assert {len(line) for line in lines} == {columns}
    joined = "".join(line.strip("│ ") for line in lines)
    assert "localhost/workbench-images:base-c9s-py311_2026a_20261122" in joined


def test_colours_follow_no_color(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3|4|9)\d")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colour.search(review(catalogue, 80))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(review(catalogue, 80))


def test_what_stands_in_the_way_comes_first_and_without_the_flags_hint(catalogue: Catalogue) -> None:
    refusal = FaultsError("recipes/x differs", [("recipes/x/a", "differs"), ("", "is odd")], hint="--force")
    lines = [line.strip("│ ") for line in plain(review(catalogue, 80, refusal)).split("\n")]
    assert lines[1:5] == ["recipes/x differs", "recipes/x/a: differs", "is odd", ""]
    assert "--force" not in "".join(lines)


def test_errors_are_reported_with_their_place_and_hint() -> None:
    lines = plain(trouble_text(WorkbenchError("is odd", where="a.toml:3", hint="mend [it]"), 50)).split("\n")
    assert [line.strip("│ ") for line in lines[1:-1]] == ["a.toml:3: is odd", "hint: mend [it]"]
    lines = plain(trouble_text(FaultsError("two faults", [("a", "one"), ("b", "two")]), 50)).split("\n")
    assert [line.strip("│ ") for line in lines[1:-1]] == ["two faults", "a: one", "b: two"]


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("fix that, or give another --out", "fix that, or give another output folder"),
        ("`make setup` does that, or leave it out with --no-lint", "`make setup` does that"),
        ("choose another --python", "choose another Python"),
        ("fix them", "fix them"),
    ],
)
def test_a_hint_names_answers_and_no_flags(hint: str, shown: str) -> None:
    assert in_answers(hint) == shown
