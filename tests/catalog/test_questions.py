"""The one table of questions, held to all that reads it."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from tests.catalogues import ANSWERS as GIVEN
from tests.catalogues import make_catalogue, selection
from tests.command import wizard
from workbench.catalog.questions import ANSWERS, IN_RELEASE, QUESTIONS, Selection, differences
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import combinations, compose_checked
from workbench.wizard.steps import STEPS


def test_a_selection_has_a_field_for_every_question_and_what_a_look_up_found() -> None:
    names = {field.name: field.default for field in fields(Selection)}
    assert [*ANSWERS, "image"] == list(names)
    # What an answers file may leave out means what the question's own default does.
    optional = {name: default for name, default in names.items() if default is not MISSING}
    assert optional.pop("image") == ""
    assert optional == {question.name: question.usual for question in QUESTIONS if question.name in optional}


def test_every_question_is_a_step_a_flag_a_filter_and_a_key(tmp_path: Path) -> None:
    prompted = [question.name for question in QUESTIONS if question.prompted]
    assert [step.name for step in STEPS if step.only is None] == [*prompted, "out"]
    texts = {verb: wizard(verb, "--help").stdout for verb in ("new", "matrix")}
    for question in QUESTIONS:
        for text in texts.values():
            assert f"--{question.name} {question.metavar}" in text
        # However its lines are broken.
        assert question.help in " ".join(texts["new"].split())
    catalogue = read_catalogue(str(make_catalogue(tmp_path)))
    recipe = compose_checked(catalogue, selection())
    manifest = tomllib.loads(recipe.files["recipe.toml"].data.decode())
    assert manifest["selection"] == selection().as_answers() == dict(GIVEN)
    assert {name for chosen in combinations(catalogue, "latest") for name in chosen.as_answers()} == set(prompted)
    assert set(IN_RELEASE) == {*ANSWERS} - {"release", "date"}


@pytest.mark.parametrize("name", IN_RELEASE)
def test_what_a_release_offers_is_known(tmp_path: Path, name: str) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path)))
    (question,) = (question for question in QUESTIONS if question.name == name)
    assert question.offered is not None
    assert set(question.offered(catalogue, GIVEN)) <= set(question.known(catalogue, GIVEN))
    assert (getattr(selection(), name) or "x86_64") in question.offered(catalogue, GIVEN)


def test_differences_are_by_answer() -> None:
    assert differences(selection(), selection(base="cuda", image="quay.io/a/b:1")) == {
        "base": ("standard", "cuda"),
        "image": ("", "quay.io/a/b:1"),
    }
    assert differences(selection(), selection()) == {}
