from __future__ import annotations

import pytest

from tests.catalogues import ANSWERS, selection
from workbench.compose.selection import tag_of
from workbench.wizard.answers import as_answers, base_of, selection_of, tag_so_far


@pytest.mark.parametrize(
    ("answers", "tag"),
    [
        ({}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"release": "2026a", "date": "latest"}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_2026a_latest"),
        ({"base": "standard"}, "‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"base": "cuda-devel"}, "cuda-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"base": "other"}, "‹cuda?›-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"base": "other", "image": "quay.io/me/cuda:1"}, "cuda-‹ide›-‹bundle›-‹os›-‹python›_‹release›_‹date›"),
        ({"os": "c9s", "python": "3.12"}, "‹cuda?›-‹ide›-‹bundle›-c9s-py312_‹release›_‹date›"),
        (ANSWERS, "editor-plain-c9s-py311_2026a_20261122"),
    ],
)
def test_the_tag_shows_what_is_chosen_and_what_is_not(answers: dict[str, str], tag: str) -> None:
    assert tag_so_far(answers) == tag


@pytest.mark.parametrize("base", ["standard", "cuda", "cuda-devel", "quay.io/me/cuda:1", "quay.io/me/plain:1"])
def test_the_tag_of_complete_answers_is_the_tag_of_the_selection(base: str) -> None:
    answers = as_answers({**ANSWERS, "base": base})
    assert selection_of(answers) == selection(base=base)
    assert tag_so_far(answers) == str(tag_of(selection(base=base)))


def test_an_image_as_base_is_an_answer_to_two_questions() -> None:
    assert as_answers({"base": "quay.io/me/b:1"}) == {"base": "other", "image": "quay.io/me/b:1"}
    assert as_answers({"base": "cuda"}) == {"base": "cuda"}
    assert as_answers({}) == {}
    assert base_of({"base": "other", "image": "quay.io/me/b:1"}) == "quay.io/me/b:1"
    assert base_of({"base": "cuda", "image": "quay.io/me/b:1"}) == "cuda"
