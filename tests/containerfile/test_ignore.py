from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.containerfile.ignore import Patterns, broken, ignored_lines


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        (["a"], ["a", "a/b", "a/b/c"], ["ab", "b/a"]),
        (["/a/", "./b"], ["a", "a/b", "b"], ["c"]),
        (["*.py"], ["x.py", "x.py/y"], ["d/x.py", "x.pyc"]),
        (["**/*.py"], ["x.py", "d/x.py", "d/e/x.py"], ["x.pyc"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "b"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["a/b"]),
        (["**"], ["a", "a/b"], []),
        (["a?c"], ["abc"], ["ac", "a/c"]),
        (["[a-c]x"], ["ax", "cx"], ["dx"]),
        (["[^a]x", "[!b]y"], ["bx", "by", "!y"], ["ax", "ay"]),
        (["[\\--0]x", "[a&&b]y"], ["-x", ".x", "0x", "&y", "by"], ["1x", "cy"]),
        ([r"[\]a]x", "[^a-c^]y"], ["]x", "ax", "dy"], ["bx", "ay", "^y"]),
        (["**foo"], ["foo", "xfoo", "a/xfoo"], ["foox"]),
        (["**foo*"], ["foo", "a/foox"], ["xfoo"]),
        (["a**b"], ["ab", "ax/b"], ["axb"]),
        (["a**"], ["a", "ab", "ab/c"], ["b"]),
        (["//a", "b//c"], ["a", "b/c"], ["b"]),
        ([r"\*"], ["*"], ["a"]),
        (["a.b", "c+"], ["a.b", "c+"], ["axb", "cc"]),
        (["a", "!a/b"], ["a", "a/c"], ["a/b", "a/b/c"]),
        (["a", "!a/b", "a/b/c"], ["a/b/c"], ["a/b/d"]),
        (["", "#no comment", " "], ["#no comment"], ["a"]),
        (["[a"], ["[a"], ["a"]),
    ],
)
def test_what_a_pattern_means(patterns: list[str], yes: list[str], no: list[str]) -> None:
    made = Patterns(patterns)
    assert [path for path in yes + no if made.match(path)] == yes


@pytest.mark.parametrize(
    "pattern", ["[", "a[b", "[]", "[]a]", "[^]", "[a-]", "[-a]", "[z-a]", "a\\", "[a\\", "!", "! [", "!a[", "x[a-"]
)
def test_what_docker_takes_for_no_pattern(pattern: str) -> None:
    assert broken(pattern)


@pytest.mark.parametrize(
    "pattern", ["a", "]", "a]", "[a]", "[^a-z]", r"\[", r"[\]]", "**", "!a", "! a", "[!a]", "#", "!!a"]
)
def test_what_docker_takes(pattern: str) -> None:
    assert broken(pattern) == ""


def test_the_lines_of_a_dockerignore() -> None:
    text = "\ufeff*.key\r\n# a comment\n # none\n\n  !a \n\u2028b"
    assert ignored_lines(text) == [(1, "*.key"), (3, "# none"), (5, "!a"), (6, "b")]


NAMES = st.lists(st.sampled_from(["a", "b", "ab", ".c", "ü"]), min_size=1, max_size=4).map("/".join)


@given(NAMES, NAMES)
def test_a_path_without_signs_means_itself_and_all_below(pattern: str, path: str) -> None:
    assert Patterns([pattern]).match(path) == (path == pattern or path.startswith(f"{pattern}/"))


@pytest.mark.filterwarnings("error")
@given(st.lists(st.text("ab*?[]!^-\\/.", max_size=8)), NAMES)
def test_any_text_is_a_pattern(patterns: list[str], path: str) -> None:
    Patterns(patterns).match(path)
