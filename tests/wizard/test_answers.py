from __future__ import annotations

import pytest

from tests.catalogues import ANSWERS, selection
from workbench.architecture import this_architecture
from workbench.catalog.values import Catalogue
from workbench.compose.resolve import resolve
from workbench.wizard.answers import as_steps, base_of, selection_of, tag_so_far


@pytest.mark.parametrize(
    ("answers", "tag"),
    [
        ({}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"release": "2026a", "date": "latest"}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_2026a_latest"),
        ({"release": "2026a", "base": "standard"}, "‹ide›-‹bundle›-‹os›-‹python›_2026a_‹date›"),
        ({"release": "2026a", "base": "cuda-devel"}, "cuda-‹ide›-‹bundle›-‹os›-‹python›_2026a_‹date›"),
        ({"base": "other"}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        (
            {"release": "2026a", "base": "other", "image": "quay.io/me/cuda:1"},
            "cuda-‹ide›-‹bundle›-‹os›-‹python›_2026a_‹date›",
        ),
        ({"os": "c9s", "python": "3.12"}, "‹cuda?›-‹ide›-‹bundle›-c9s-py312_‹release›_‹date›"),
        (ANSWERS, "editor-plain-c9s-py311_2026a_20261122"),
    ],
)
def test_the_tag_shows_what_is_chosen_and_what_is_not(catalogue: Catalogue, answers: dict[str, str], tag: str) -> None:
    assert tag_so_far(catalogue, answers) == tag


@pytest.mark.parametrize("base", ["standard", "cuda", "cuda-devel", "quay.io/me/cuda:1", "quay.io/me/plain:1"])
def test_the_tag_of_complete_answers_is_the_tag_of_the_selection(catalogue: Catalogue, base: str) -> None:
    answers = as_steps({**ANSWERS, "base": base})
    assert selection_of(answers) == selection(base=base, architecture=this_architecture())
    assert tag_so_far(catalogue, answers) == str(resolve(catalogue, selection(base=base)).tag)


def test_an_image_as_base_is_an_answer_to_two_questions() -> None:
    assert as_steps({"base": "quay.io/me/b:1"}) == {"base": "other", "image": "quay.io/me/b:1"}
    assert as_steps({"base": "cuda"}) == {"base": "cuda"}
    assert as_steps({}) == {}
    assert base_of({"base": "other", "image": "quay.io/me/b:1"}) == "quay.io/me/b:1"
    assert base_of({"base": "cuda", "image": "quay.io/me/b:1"}) == "cuda"
