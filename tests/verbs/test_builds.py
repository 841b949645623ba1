"""What the service offers to build is what the wizard offers, and becomes flags of `up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.reader import open_catalogue
from workbench.cli import verb_parser
from workbench.replicasets.errors import Invalid
from workbench.verbs._builds import CatalogueRecipes
from workbench.verbs.new import today
from workbench.wizard.answers import OTHER
from workbench.wizard.steps import STEPS


def test_every_choice_is_the_wizards_with_its_reason(tmp_path: Path) -> None:
    recipes, catalogue = CatalogueRecipes(str(REPOSITORY), str(tmp_path)), open_catalogue(str(REPOSITORY))
    answers = {"release": "2026a", "base": "cuda", "os": "bookworm", "python": "3.11", "bundle": "pytorch"}
    questions = {each.name: each for each in recipes.questions(answers)}
    assert list(questions) == ["release", "base", "os", "python", "bundle", "thin", "ide"]
    assert {name: each.answer for name, each in questions.items() if name in answers} == answers
    given: dict[str, str] = {"date": today()}
    for step in STEPS:
        if step.name in questions and step.choices is not None:
            wizard = {each.value: each.reason for each in step.choices(catalogue, given) if each.value != OTHER}
            assert {each.value: each.reason for each in questions[step.name].offers} == wizard
            given[step.settles or step.name] = questions[step.name].answer
    assert any(each.reason for each in questions["ide"].offers)


def test_the_command_is_read_as_it_is_meant(tmp_path: Path) -> None:
    recipes = CatalogueRecipes(str(REPOSITORY), str(tmp_path / "recipes"), "/etc/ca.pem")
    plan = recipes.plan({"base": "cuda", "bundle": "pytorch", "thin": "cuda-thin", "ide": "vscode"})
    assert plan.title == "cuda-vscode-pytorch-bookworm-py311_2026a"
    args = verb_parser("up")[1].parse_args(plan.command[plan.command.index("up") + 1 :])
    assert (args.base, args.bundle, args.ide, args.os, args.python) == (
        "cuda-thin",
        "pytorch",
        "vscode",
        "bookworm",
        "3.11",
    )
    assert (args.start, args.yes, args.out, args.ca_bundle) == (False, True, str(tmp_path / "recipes"), "/etc/ca.pem")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"bundle": "nothing"}, "there is no such choice"),
        ({"os": "bookworm; reboot"}, "there is no such choice"),
        ({"python": "--help"}, "there is no such choice"),
        ({"base": "other"}, "there is no such choice"),
        ({"base": "docker.io/library/any:1"}, "there is no such choice"),
        ({"base": "standard", "bundle": "minimal", "ide": "rstudio"}, "goes with bundle r only"),
        ({"out": "/etc"}, "is no question"),
        ({"thin": "cuda-thin", "base": "standard"}, "is no question"),
    ],
)
def test_what_is_no_possible_choice_is_refused(tmp_path: Path, answers: dict[str, str], reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as raised:
        CatalogueRecipes(str(REPOSITORY), str(tmp_path)).plan(answers)
    assert raised.value.field in answers
