from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogues import REPOSITORY
from workbench.catalog.reader import read_catalogue
from workbench.wizard.prompt import Fragments
from workbench.wizard.screen import above, keys_text, tag_lines, wrapped
from workbench.wizard.steps import STEPS

CATALOGUE = read_catalogue(str(REPOSITORY))
ANSWERS = {"release": "2026a", "date": "20261122", "base": "other", "image": "quay.io/me/cuda:1", "os": "c9s"}
PYTHON = next(step for step in STEPS if step.name == "python")


def drawn(fragments: Fragments) -> str:
    """Return the text of `fragments`."""
    return "".join(text for _, text in fragments)


def test_a_roomy_terminal_shows_title_answers_and_tag() -> None:
    assert drawn(above(CATALOGUE, ANSWERS, PYTHON, "3.11", 80, 24)) == (
        "workbench-images: question 6 of 9\n"
        "\n"
        "  Release  2026a\n"
        "  Date     20261122\n"
        "  Base     other\n"
        "  Image    quay.io/me/cuda:1\n"
        "  System   c9s\n"
        "\n"
        "  Tag      cuda-‹ide›-‹bundle›-c9s-py311_2026a_20261122\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("rows", "lines"),
    [(24, 10), (19, 7), (17, 7), (16, 2), (12, 2), (11, 1), (5, 1)],
)
def test_with_fewer_rows_the_answers_give_way_and_then_the_title_and_never_the_tag(rows: int, lines: int) -> None:
    text = drawn(above(CATALOGUE, ANSWERS, PYTHON, "", 80, rows))
    assert text.count("\n") == lines
    assert "Tag      cuda-‹ide›-‹bundle›-c9s-‹python›_2026a_20261122\n" in text


def test_a_long_answer_is_cut_with_a_mark() -> None:
    lines = drawn(above(CATALOGUE, {**ANSWERS, "image": "quay.io/" + "x" * 50}, PYTHON, "", 40, 40)).split("\n")
    assert "  Image    quay.io/xxxxxxxxxxxxxxxxxxxx…" in lines
    assert max(map(len, lines)) == 40


@given(st.text("ab-‹›_", max_size=128), st.integers(20, 120))
def test_the_tag_is_whole_at_any_width(tag: str, columns: int) -> None:
    lines = drawn(tag_lines(tag, columns)).splitlines()
    assert all(len(line) <= columns for line in lines)
    assert "".join(line[11:] for line in lines) == tag


@given(st.lists(st.text("ab \n", max_size=30), max_size=5), st.integers(8, 40))
def test_wrapping_loses_no_word_and_keeps_to_the_width(texts: list[str], columns: int) -> None:
    fragments = [(f"class:{number}", text) for number, text in enumerate(texts)]
    broken = wrapped(fragments, columns, indent=3)
    assert all(len(line.rstrip()) <= columns for line in drawn(broken).split("\n"))
    assert "".join(drawn(broken).split()) == "".join("".join(texts).split())


def test_lines_break_between_words_and_go_on_set_in() -> None:
    fragments = [("a", " » one two"), ("b", " (three four)\n"), ("a", "   five")]
    assert drawn(wrapped(fragments, 12, indent=5)) == " » one two \n     (three \n     four)\n   five"


def test_keys_stay_whole() -> None:
    keys = ("Enter choose", "Esc back", "Ctrl-C quit")
    assert keys_text(keys, 80) == " Enter choose · Esc back · Ctrl-C quit"
    assert keys_text(keys, 30) == " Enter choose · Esc back\n Ctrl-C quit"
    assert keys_text(keys, 5) == " Enter choose\n Esc back\n Ctrl-C quit"
