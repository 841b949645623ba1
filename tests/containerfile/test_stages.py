from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from workbench.compose.checks import containerfile_problems
from workbench.containerfile.reader import Source, read
from workbench.containerfile.sources import copy_sources
from workbench.containerfile.stages import ARCHITECTURE, Origin, bases, last_base, needed, scopes, stages
from workbench.errors import WorkbenchError
from workbench.images.context import exists
from workbench.images.request import BuildRequest

END = "USER 1001\nWORKDIR /opt/app-root/src\n"


def test_the_stages_of_a_containerfile() -> None:
    text = "ARG A=one\nFROM localhost/$A AS First\nRUN x\n\nFROM scratch\nFROM first\nRUN y\nRUN z\n"
    found = stages(text)
    assert [(stage.number, stage.name, stage.base, stage.line, len(stage.instructions)) for stage in found] == [
        (0, "first", Origin(image="localhost/one"), 2, 1),
        (1, "", Origin(), 5, 0),
        (2, "", Origin(stage=0), 6, 2),
    ]


def test_bases() -> None:
    text = (
        "ARG A=one\nARG B\nFROM $A:1 AS first\nFROM ${B:-two}:2\nFROM first AS last\nFROM scratch\n"
        "FROM ${C:-three} AS third\nFROM elsewhere:1\nFROM one:1\n"
        "COPY --from=last a b\nCOPY --from=1 a b\nRUN --mount=target=/m,from=third x\n"
    )
    assert bases(stages(text)) == ["one:1", "two:2", "three"]
    assert bases(stages(text, {"A": "own"}))[0] == "own:1"


def test_a_stage_is_needed_by_what_is_taken_from_it() -> None:
    text = "FROM a AS a\nFROM b AS b\nFROM c AS c\nFROM d\n"
    assert needed(stages(text)) == {3}
    assert needed(stages(text + "COPY --from=B x y\n")) == {1, 3}
    assert needed(stages(text + "RUN --mount=target=/x,from=c,type=bind y\n")) == {2, 3}
    assert needed(stages(text + "RUN --mount=target=/x,from=$C y\n")) == {0, 1, 2, 3}
    assert needed(stages(text + "ONBUILD COPY --from=a x y\n")) == {0, 1, 2, 3}
    assert needed(stages(text + "COPY --from=elsewhere:1 x y\n")) == {3}
    assert needed(stages(text + "FROM b\n")) == {1, 4}


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("ARG BASE=docker.io/library/debian:12\nFROM $BASE\n", {}, "docker.io/library/debian:12"),
        ("ARG BASE=docker.io/library/debian:12\nFROM $BASE\n", {"BASE": "localhost/own"}, "localhost/own"),
        ("ARG V=12.5\nFROM debian:${V%.*}\n", {}, "debian:12"),
        ("ARG V=12 BASE=debian:$V\nFROM ${BASE/debian/localhost/d}\n", {}, "localhost/d:12"),
        ("FROM a AS Build\nFROM b\nFROM build\n", {}, "a"),
        ("FROM a AS BUILD\nFROM build AS Next\nFROM next\n", {}, "a"),
        ("FROM a\nARG B=b\nFROM scratch\n", {}, "scratch"),
    ],
)
def test_the_base_of_the_last_stage(text: str, arguments: dict[str, str], expected: str) -> None:
    found = stages(text, arguments)
    assert last_base(found) == expected
    assert expected in (*bases(found), "scratch")


def test_the_platform_is_known_before_the_first_from() -> None:
    assert bases(stages("ARG T=$TARGETARCH\nFROM a:$TARGETARCH\nFROM b:$T\nCOPY --from=0 a b\n")) == [
        f"a:{ARCHITECTURE}",
        f"b:{ARCHITECTURE}",
    ]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "no FROM: nothing to build on", "1"),
        ("ARG A\n", "no FROM: nothing to build on", "1"),
        ("ARG A\nRUN x\nFROM a\n", "RUN stands before the first FROM, where only ARG may", "2"),
        ("FROM a\nFROM $B\n", "FROM $B names no image: an argument has no value", "2"),
        ("FROM a\nARG B=b\nFROM $B\n", "FROM $B names no image: an argument has no value", "3"),
        ("FROM a AS b c\n", "FROM is followed by an image, and perhaps by AS and a name", "1"),
        ("FROM a AS 1\n", "'1' cannot name a stage", "1"),
        ("FROM a AS b\nFROM c AS B\n", "the stage b has the name of one above", "2"),
        ("FROM A-\n", "FROM A-: 'A-' is no image and no stage above", "1"),
        ("FROM ${A:?give-it}\n", "A has no value: give-it", "1"),
        ("ARG A=${B\nFROM a\n", "${ is not closed", "1"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(text: str, message: str, line: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        stages(text)
    assert (raised.value.message, raised.value.where) == (message, line)
    with pytest.raises(WorkbenchError) as raised:
        stages(text, file="C")
    assert raised.value.where == f"C:{line}"


def test_variables_of_a_stage() -> None:
    text = """\
ARG G=global
FROM a AS one
ARG G
ARG L=local
ENV E=env
ARG E=arg
RUN one
FROM one
RUN two
ARG G=own
RUN three
FROM b
RUN four
"""
    known = {item.args[0]: scope.variables for _, item, scope in scopes(stages(text)) if item.word == "RUN"}
    assert known == {
        "one": {"G": "global", "L": "local", "E": "arg"},
        "two": {"G": "global", "L": "local", "E": "env"},
        "three": {"G": "own", "L": "local", "E": "env"},
        "four": {},
    }


# Texts that the checks, the builders, the CUDA layers and BuildKit's reader have read in ways of their own.
AGREED = [
    # text behind FROM lines, the image that the label names, what is copied from the folder
    ("ARG BASE=localhost/b:1\nFROM $BASE\nCOPY f.txt /x\n", "localhost/b:1", ["f.txt"]),
    ("ARG BASE=localhost/b\nFROM ${BASE}:1\nENV F=f\nCOPY ${F}.txt /x\n", "localhost/b:1", ["f.txt"]),
    ("ARG V=1.2\nFROM localhost/b:${V%.*}\nARG N=f.txt.gz\nCOPY ${N%.gz} /x\n", "localhost/b:1", ["f.txt"]),
    ("ARG V=0.1\nFROM localhost/b:${V##*.}\nENV N=g.txt\nCOPY ${N/g/f} /x\n", "localhost/b:1", ["f.txt"]),
    ("FROM localhost/b:1 AS Build\nFROM build\nCOPY --from=build /x /y\n", "localhost/b:1", []),
    ("FROM localhost/b:1 AS BUILD\nFROM build\nCOPY --from=Build /x /y\n", "localhost/b:1", []),
    ("FROM localhost/b:1\nFROM localhost/b:1\nCOPY --from=0 /x /y\n", "localhost/b:1", []),
    ("ARG F=g\nFROM localhost/b:1\nARG F=f\nCOPY $F.txt /x\n", "localhost/b:1", ["f.txt"]),
    ("FROM localhost/b:1\nENV F=g\nARG F=f\nCOPY $F.txt /x\n", "localhost/b:1", ["f.txt"]),
    ("FROM localhost/b:1 AS a\nENV F=f\nFROM a\nCOPY $F.txt /x\n", "localhost/b:1", ["f.txt"]),
    ("FROM localhost/b:1\nCOPY '*.txt' \"./d/\" /x/\n", "localhost/b:1", ["*.txt", "./d/"]),
]
REFUSED = [
    ("FROM localhost/b:1 AS me\nCOPY --from=me /a /b\n", "COPY --from=me: there is no such stage above"),
    ("FROM localhost/b:1 AS Me\nCOPY --from=mE /a /b\n", "COPY --from=mE: there is no such stage above"),
    ("FROM localhost/b:1\nCOPY --from=0 /a /b\n", "COPY --from=0: there is no such stage above"),
    (
        "FROM localhost/b:1\nCOPY --from=later /a /b\nFROM localhost/b:1 AS later\n",
        "COPY --from=later: there is no such stage above",
    ),
    ("ARG F=f\nFROM scratch\nARG F\nCOPY ${F%f}g.txt /x\n", "COPY g.txt: the {} has no such file"),
    ("FROM localhost/b:1 AS a\nENV F=f\nFROM scratch\nCOPY $F.txt /x\n", "COPY .txt: the {} has no such file"),
    ("FROM localhost/b:1\nCOPY ../gone /x\n", "COPY ../gone: the {} has no such file"),
    ("FROM localhost/b:1 AS a\nFROM localhost/b:1 AS A\n", "the stage a has the name of one above"),
    ("FROM localhost/b:1 AS build\nFROM BUILD\n", "FROM BUILD: 'BUILD' is no image and no stage above"),
    ("FROM $B\n", "FROM $B names no image: an argument has no value"),
    ("FROM localhost/b:1\nCOPY ${V^x} /y\n", "${V^…} is not supported"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    for path in ("f.txt", "d/g"):
        (tmp_path / path).write_text("")
    return tmp_path


@pytest.mark.parametrize(("text", "base", "copied"), AGREED, ids=range(len(AGREED)))
def test_everybody_reads_the_same(folder: Path, text: str, base: str, copied: list[str]) -> None:
    request = BuildRequest(("localhost/x:1",), str(folder), text)
    assert bases(request.stages()) == [base]
    assert last_base(request.stages()) == base
    assert [path for one in copy_sources(request.stages()) for path in one.in_folder] == copied
    assert list(containerfile_problems(text + END, ["f.txt", "d/g"])) == []
    looked_up: list[str] = []

    def config(image: str) -> dict[str, object]:
        looked_up.append(image)
        return {}

    plan = read(Source(text, "C", partial(exists, str(folder))), config)
    assert looked_up == [base]
    assert len(plan.stages) == len(request.stages())


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_everybody_refuses_the_same(folder: Path, text: str, message: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        read(Source(text, "C", partial(exists, str(folder))), lambda image: {})
    assert raised.value.message == message.replace("{}", "folder")
    line = int(raised.value.where.removeprefix("C:"))
    found = list(containerfile_problems(text + END, ["f.txt", "d/g"]))
    assert found == [(line, message.replace("{}", "recipe"))]
