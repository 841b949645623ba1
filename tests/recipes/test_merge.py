from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.recipes.merge import merge

BASE = "FROM a\nRUN one\nRUN two\nRUN three\nUSER 1001\n"
texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=12).map("".join)


def test_what_two_changed_in_different_places_is_all_there() -> None:
    mine = BASE.replace("RUN two", "RUN two --fast").replace("USER", "COPY my.sh /\nUSER")
    merged = merge(mine, BASE, BASE.replace("FROM a", "FROM b"))
    assert merged.conflicts == 0
    assert merged.text == "FROM b\nRUN one\nRUN two --fast\nRUN three\nCOPY my.sh /\nUSER 1001\n"


def test_what_both_changed_is_marked_with_both() -> None:
    merged = merge(BASE.replace("two", "mine"), BASE, BASE.replace("two", "new"))
    assert merged.conflicts == 1
    marked = "<<<<<<< changed by hand\nRUN mine\n=======\nRUN new\n>>>>>>> composed anew\n"
    assert merged.text == BASE.replace("RUN two\n", marked)


def test_what_both_changed_alike_is_no_conflict() -> None:
    both = BASE.replace("two", "both")
    assert merge(both, BASE, both) == merge(both, BASE, BASE) == merge(BASE, BASE, both)
    assert merge(both, BASE, both).text == both


def test_without_the_base_every_difference_is_marked() -> None:
    merged = merge("a\nmine\nb\n", None, "a\nb\nnew")
    assert merged.conflicts == 2
    assert merged.text.count("<<<<<<<") == merged.text.count(">>>>>>> composed anew\n") == 2
    assert merge("a\n", None, "a\n").text == "a\n"


@given(texts, texts)
def test_one_side_that_changed_nothing_leaves_the_other(base: str, changed: str) -> None:
    for merged in (merge(changed, base, base), merge(base, base, changed), merge(changed, base, changed)):
        assert (merged.text, merged.conflicts) == (changed, 0)


@given(texts, texts, texts, st.integers(0, 12))
def test_no_line_that_a_person_added_is_lost(mine: str, base: str, new: str, at: int) -> None:
    lines = mine.splitlines(keepends=True)
    lines.insert(min(at, len(lines)), "by hand\n")
    for known in (base, None):
        assert "by hand\n" in merge("".join(lines), known, new).text.splitlines(keepends=True)
