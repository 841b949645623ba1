from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.containerfile.sources import copy_sources, inside, matches, pattern
from workbench.containerfile.stages import Origin, stages
from workbench.errors import WorkbenchError
from workbench.images.context import exists


@pytest.mark.parametrize(
    ("text", "fitting", "others"),
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
def test_patterns_match_as_gos_do(text: str, fitting: list[str], others: list[str]) -> None:
    compiled = pattern(text)
    assert [name for name in (*fitting, *others) if compiled.fullmatch(name)] == fitting


@given(st.text(alphabet="ab*?[]^-\\.", max_size=8))
def test_every_pattern_is_read_or_refused(text: str) -> None:
    try:
        pattern(text)
    except WorkbenchError as error:
        assert "is no pattern" in error.message


def test_paths_stay_in_the_folder() -> None:
    assert (inside("/a/./b//c/"), inside("./"), inside("a/../b")) == ("a/b/c", "", "a/../b")
    assert (inside(".."), inside("../../b/.."), inside("a/../../b"), inside("/../c")) == ("", "b/..", "a/../b", "c")


PATHS = ["one.txt", "d/e/f.txt", "d/g.sh"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", True),
        (".", True),
        ("./d/", True),
        ("/one.txt", True),
        ("d/../one.txt", True),
        ("*/e/*.txt", True),
        ("d/[a-g]*", True),
        ("d", True),
        ("dd", False),
        ("d/*.txt", False),
        ("*.sh", False),
        ("one.txt/x", False),
    ],
)
def test_what_a_recipe_has(path: str, expected: bool) -> None:
    assert matches(PATHS, path) is expected


def test_a_recipes_files_and_a_folder_on_disk_match_alike(tmp_path: Path) -> None:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    for path in ("", "d", "d/e/f.txt", "*/e/*.txt", "x", "d/*.txt", "f*", "d/../one.txt", "?/g.sh"):
        assert exists(str(tmp_path), inside(path)) == matches(PATHS, path), path


def sources(text: str, **arguments: str) -> list[tuple[int, Origin, tuple[str, ...], tuple[str, ...]]]:
    return [(one.line, one.origin, one.paths, one.unknown) for one in copy_sources(stages(text, arguments))]


def test_the_sources_of_every_copy() -> None:
    text = """\
ARG V=1
FROM a AS Build
ARG V W
ENV F=file$V
COPY $F ${W:-x} ./
FROM build
ADD $F https://example.com/x j /y/
COPY --from=BUILD /x /y
COPY --from=0 /x /y
COPY --from=quay.io/c:1 /x /y
"""
    # What an image has in its environment is not known, so W may be something else than x.
    assert sources(text) == [
        (5, Origin(), ("file1",), ("${W:-x}",)),
        (7, Origin(), ("file1", "https://example.com/x", "j"), ()),
        (8, Origin(stage=0), ("/x",), ()),
        (9, Origin(stage=0), ("/x",), ()),
        (10, Origin(image="quay.io/c:1"), ("/x",), ()),
    ]
    assert sources(text, V="2", W="w")[0] == (5, Origin(), ("file2", "w"), ())
    assert sources("FROM scratch\nCOPY a${W:-x} /y\n") == [(2, Origin(), ("ax",), ())]


def test_what_depends_on_an_unknown_name_is_unknown() -> None:
    text = "FROM a\nENV F=$ROOT/f\nARG G=${F}g\nCOPY $F ${G} /x\nENV F=f\nCOPY $F /x\n"
    assert sources(text) == [(4, Origin(), (), ("$F", "${G}")), (6, Origin(), ("f",), ())]


@pytest.mark.parametrize("name", ["me", "ME", "later", "2", "1", "none"])
def test_only_stages_above_can_be_copied_from(name: str) -> None:
    text = f"FROM a AS first\nFROM b AS me\nCOPY --from={name} /x /y\nFROM c AS later\n"
    with pytest.raises(WorkbenchError) as raised:
        sources(text)
    assert raised.value.message == f"COPY --from={name}: there is no such stage above"
    assert raised.value.where == "3"


def test_addresses_and_heredocs_are_no_files_of_the_folder() -> None:
    text = "FROM a\nADD https://example.com/x git@example.com:x y /z/\nCOPY <<E 3<<-'F' /z/\nE\nF\n"
    assert [one.in_folder for one in copy_sources(stages(text))] == [("y",), ()]
