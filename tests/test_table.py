from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.table import columns, folded, natural_width

HEADER = ("name", "says")
ROWS = [("jupyter", "JupyterLab with Elyra and more words"), ("r", "short")]


def test_as_wide_as_it_is_where_there_is_room() -> None:
    shown = "name     says\njupyter  JupyterLab with Elyra and more words\nr        short"
    assert columns(HEADER, ROWS) == columns(HEADER, ROWS, 0) == columns(HEADER, ROWS, 80) == shown


def test_cells_go_on_below_between_words() -> None:
    assert columns(HEADER, ROWS, 30) == (
        "name     says\njupyter  JupyterLab with Elyra\n         and more words\nr        short"
    )


def test_a_row_is_a_block_where_words_do_not_fit() -> None:
    assert columns(HEADER, ROWS, 12).startswith("name  jupyter\nsays  JupyterLab with\n      Elyra and more words\n")


@given(st.lists(st.tuples(*[st.text("ab ,-", max_size=30)] * 4), max_size=5), st.integers(30, 120))
def test_no_word_is_lost_or_broken(rows: list[tuple[str, str, str, str]], width: int) -> None:
    header = ("one", "two", "three", "four")
    shown = columns(header, rows, width)
    assert {word for row in rows for cell in row for word in cell.split()} <= set(shown.split())
    words = max((len(word) for row in rows for cell in row for word in cell.split()), default=0)
    assert all(len(line) <= max(width, words + 7) for line in shown.splitlines())


def test_a_line_of_text_is_broken_between_words_for_a_terminal_only() -> None:
    text = "cuda-jupyter-pytorch-bookworm-py311_2026a_20261130, with podman"
    assert folded(text, 60) == "cuda-jupyter-pytorch-bookworm-py311_2026a_20261130, with\npodman"
    assert folded(text, 0) == text


def test_the_natural_width_is_that_of_the_table() -> None:
    rows = [("aaa", "b"), ("a", "bbbbbb")]
    assert natural_width(("x", "y"), rows) == max(map(len, columns(("x", "y"), rows, 0).splitlines()))
