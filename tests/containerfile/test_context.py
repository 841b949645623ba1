from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.containerfile.context import ignored, inside, is_there, pattern
from workbench.errors import WorkbenchError


@pytest.mark.parametrize(
    ("text", "matches", "others"),
    [
        ("a*", ["a", "ab"], ["ba", "a/b"]),
        ("a?", ["ab"], ["a", "abc"]),
        ("[ab].txt", ["a.txt"], ["c.txt"]),
        ("[^ab]", ["c"], ["a"]),
        ("[a-c]", ["b"], ["d"]),
        (r"\*", ["*"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_patterns_match_as_gos_do(text: str, matches: list[str], others: list[str]) -> None:
    like = pattern(text)
    assert [name for name in (*matches, *others) if like.fullmatch(name)] == matches


@given(st.text(alphabet="ab*?[]^-\\.", max_size=8))
def test_every_pattern_is_read_or_refused(text: str) -> None:
    try:
        pattern(text)
    except WorkbenchError as error:
        assert "is no pattern" in error.message


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/f.txt").write_text("")
    os.symlink("nowhere", tmp_path / "link")
    there = {
        path: is_there(str(tmp_path), path)
        for path in ("", "d", "d/e/f.txt", "*/e/*.txt", "link", "x", "d/*.txt", "f*")
    }
    assert [path for path, found in there.items() if found] == ["", "d", "d/e/f.txt", "*/e/*.txt", "link"]


def test_paths_stay_in_the_folder() -> None:
    assert (inside("/a/./b//c/"), inside("./"), inside("a/../b")) == ("a/b/c", "", "a/../b")
    for path in ("..", "a/../../b"):
        with pytest.raises(WorkbenchError, match="leads out of the folder"):
            inside(path)


def test_the_ignore_file(tmp_path: Path) -> None:
    assert ignored(str(tmp_path)) == ()
    (tmp_path / ".dockerignore").write_text("# no\n\n*.pyc\n/build\n!keep\n")
    assert ignored(str(tmp_path)) == ("*.pyc", "build", "!keep")
    (tmp_path / ".containerignore").write_text("own\n")
    assert ignored(str(tmp_path)) == ("own",)
