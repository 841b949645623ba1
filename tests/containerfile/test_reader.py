from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.containerfile.build_plan import BuildPlan, Copy, Folder, Run, RunMount
from workbench.containerfile.reader import Source, read
from workbench.containerfile.stages import ARCHITECTURE, Origin
from workbench.errors import WorkbenchError
from workbench.images.context import exists

BASE = {
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Env": ["PATH=/bin", "LANG=C"],
        "Cmd": ["/bin/bash"],
        "User": "1001",
        "WorkingDir": "/opt",
        "Labels": {"from": "base"},
    },
}
TRIGGERED = {"config": {"OnBuild": ["ENV A=1", "RUN true", "COPY gone /x"]}}
IMAGES: Mapping[str, Mapping[str, Any]] = {"localhost/b:1": BASE, "localhost/t:1": TRIGGERED}


def plan(text: str, folder: Path | str = "/nowhere", **arguments: str) -> BuildPlan:
    return read(Source(text, "Containerfile", partial(exists, str(folder)), arguments), IMAGES.__getitem__)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "d/s"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_every_instruction(folder: Path) -> None:
    text = """\
# === Base image (snippets/base/base.snippet)
FROM localhost/b:1
ARG V=1
ENV A=$V B="${A:-none} x"
# === Packages (bundles/python_packages.snippet)
USER 0
WORKDIR sub/../w
COPY --chown=5 a.txt *.txt ./
RUN --mount=type=cache,target=/c,id=x,uid=7,sharing=locked --network=none echo $A
LABEL one=$A "t w"='$A'
EXPOSE 80 53/udp
VOLUME /v
STOPSIGNAL SIGINT
SHELL ["/bin/bash", "-ec"]
RUN ["true", "$A"]
HEALTHCHECK --interval=1m30s --retries=2 CMD curl x
ENTRYPOINT ["/e"]
CMD echo "$A"
"""
    (stage,) = plan(text, folder, V="2").stages
    environment = (("A", "2"), ("B", "none x"), ("LANG", "C"), ("PATH", "/bin"), ("V", "2"))
    section = "bundles/python_packages.snippet"
    assert stage.base == Origin(image="localhost/b:1")
    assert stage.steps == (
        Folder(7, "WORKDIR sub/../w", section, path="/opt/w"),
        Copy(
            8,
            "COPY --chown=5 a.txt *.txt ./",
            section,
            origin=Origin(),
            sources=("/a.txt", "/*.txt"),
            target="/opt/w/",
            owner="5:5",
        ),
        Run(
            9,
            "RUN --mount=type=cache,target=/c,id=x,uid=7,sharing=locked --network=none echo $A",
            section,
            arguments=("/bin/sh", "-c", "echo $A"),
            environment=environment,
            folder="/opt/w",
            user="0",
            network="none",
            mounts=(RunMount("cache", "/c", id="x", sharing="locked", mode=0o755, uid=7),),
        ),
        Folder(12, "VOLUME /v", section, path="/v"),
        Run(
            15,
            'RUN ["true", "$A"]',
            section,
            arguments=("true", "$A"),
            environment=environment,
            folder="/opt/w",
            user="0",
        ),
    )
    assert stage.config == {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["PATH=/bin", "LANG=C", "A=2", "B=none x"],
            "Cmd": ["/bin/bash", "-ec", 'echo "$A"'],
            "Entrypoint": ["/e"],
            "User": "0",
            "WorkingDir": "/opt/w",
            "Labels": {"from": "base", "one": "2", "t w": "$A"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Volumes": {"/v": {}},
            "StopSignal": "SIGINT",
            "Shell": ["/bin/bash", "-ec"],
            "Healthcheck": {"Test": ["CMD-SHELL", "curl x"], "Interval": 90_000_000_000, "Retries": 2},
        },
    }


def test_the_base_is_not_changed_by_what_stands_on_it() -> None:
    plan("FROM localhost/b:1\nLABEL from=me\nENV LANG=D\nEXPOSE 1\n")
    assert BASE["config"] == {
        "Env": ["PATH=/bin", "LANG=C"],
        "Cmd": ["/bin/bash"],
        "User": "1001",
        "WorkingDir": "/opt",
        "Labels": {"from": "base"},
    }


def test_an_entrypoint_takes_back_a_command_of_the_base_but_not_its_own() -> None:
    own = plan('FROM localhost/b:1\nCMD ["c"]\nENTRYPOINT ["e"]\n').stages[-1].config["config"]
    inherited = plan('FROM localhost/b:1\nENTRYPOINT ["e"]\n').stages[-1].config["config"]
    assert (own["Cmd"], "Cmd" in inherited) == (["c"], False)


def test_arguments_and_where_they_are_seen() -> None:
    text = """\
ARG IMAGE=localhost/none:1
ARG TAG=1
ARG FULL=localhost/b:${TAG}
FROM ${FULL} AS one
ARG TAG
ARG OTHER=$TAG-x
ENV E=env
ARG E=arg
RUN a
FROM one
RUN b
"""
    made = plan(text, UNUSED="1", IMAGE="x")
    environments = [dict(step.environment) for stage in made.stages for step in stage.steps if type(step) is Run]
    assert environments == [
        {"PATH": "/bin", "LANG": "C", "TAG": "1", "OTHER": "1-x", "E": "arg"},
        {"PATH": "/bin", "LANG": "C", "TAG": "1", "OTHER": "1-x", "E": "env"},
    ]
    assert made.unused_arguments == ("UNUSED",)


def test_what_an_image_has_for_those_on_top_of_it() -> None:
    made = plan("FROM localhost/b:1 AS one\nONBUILD ENV A=1\nonbuild RUN <<E\nx\nE\nFROM one\nRUN y\n")
    one, two = made.stages
    assert one.config["config"]["OnBuild"] == ["ENV A=1", "RUN <<E\nx\nE"]
    assert "OnBuild" not in two.config["config"]
    assert [step.arguments[-1] for step in two.steps if type(step) is Run] == ["x\n", "y"]
    assert all(dict(step.environment)["A"] == "1" for step in two.steps if type(step) is Run)


def test_paths_of_the_image_stay_as_they_are_written() -> None:
    made = plan("FROM localhost/b:1\nWORKDIR /a/../w/./\nVOLUME /v/ d\nRUN x\nWORKDIR y/\nRUN y").stages[0]
    assert (made.config["config"]["WorkingDir"], made.config["config"]["Volumes"]) == ("/w/y", {"/v/": {}, "d": {}})
    assert [step.path for step in made.steps if isinstance(step, Folder)] == ["/w", "/v", "/w/d", "/w/y"]
    assert [step.folder for step in made.steps if isinstance(step, Run)] == ["/w", "/w/y"]
    assert plan("FROM localhost/b:1\nWORKDIR /a/../w/./").stages[0].config["config"]["WorkingDir"] == "/a/../w/./"


def test_a_mount_without_a_target_is_where_the_command_runs(folder: Path) -> None:
    for text in ("ro", "type=cache", "type=tmpfs", "from=localhost/b:1", "target="):
        made = plan(f"FROM localhost/b:1\nWORKDIR w\nRUN --mount={text} x", folder).stages[0].steps[1]
        assert isinstance(made, Run)
        assert made.mounts[0].target == "/opt/w"


def test_a_cache_without_an_id_has_its_target_as_one() -> None:
    made = plan("FROM localhost/b:1\nRUN --mount=type=cache,target=/c/a=b x").stages[0].steps[0]
    assert isinstance(made, Run)
    assert made.mounts[0].id == "/c/a=b"


def test_of_a_stage_that_nobody_needs_only_the_text_is_read() -> None:
    text = """\
FROM --platform=linux/s390x nowhere.example/of-another-machine:1 AS other
COPY gone $HERE
WORKDIR $HERE
FROM docker.io/nowhere AS unknown
FROM localhost/b:1
"""
    made = plan(text)
    assert (made.needed(), made.stages[2].config["config"]["User"]) == ([2], "1001")
    for wrong, message in (
        ("WORKDIR\n", "WORKDIR is followed by one word"),
        ("COPY --from=3 a b\n", "there is no such stage above"),
        ("COPY --from=3 $A b\n", "there is no such stage above"),
        ("RUN --nope=1 x\n", "RUN --nope=1 is not supported"),
    ):
        with pytest.raises(WorkbenchError, match=message):
            plan(text.replace("WORKDIR $HERE\n", wrong))
    with pytest.raises(WorkbenchError, match="FROM --platform=linux/s390x is not supported"):
        plan(text + "COPY --from=other a b\n")


def test_what_an_image_has_for_those_on_top_may_need_a_stage() -> None:
    images = {**IMAGES, "localhost/t:1": {"config": {"OnBuild": ["COPY --from=one /x /x"]}}}
    text = "FROM localhost/b:1 AS one\nRUN x\nFROM localhost/t:1\n"
    made = read(Source(text, "", lambda path: True), images.__getitem__)
    assert made.needed() == [0, 1]
    assert [type(step) for step in made.stages[0].steps] == [Run]


def test_stages_that_nobody_needs_are_left_out() -> None:
    text = """\
FROM localhost/b:1 AS one
FROM localhost/b:1 AS two
FROM localhost/b:1 AS three
RUN --mount=type=bind,from=one,target=/m true
FROM scratch
COPY --from=2 /x /x
COPY --from=localhost/b:1 /y /y
"""
    made = plan(text)
    assert made.needed() == [0, 2, 3]
    assert [step.origin for step in made.stages[3].steps if isinstance(step, Copy)] == [
        Origin(stage=2),
        Origin(image="localhost/b:1"),
    ]
    assert made.stages[3].config["config"] == {
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    }


def test_the_builds_own_variables_are_in_every_stage_and_in_no_config() -> None:
    text = "FROM localhost/b:1 AS x\nRUN a\nFROM localhost/b:1\nENV PIP_CERT=mine\nRUN b\n"
    made = read(Source(text, "C", lambda path: False, variables={"PIP_CERT": "/dev/ca"}), IMAGES.__getitem__)
    environments = [
        dict(step.environment)["PIP_CERT"] for stage in made.stages for step in stage.steps if type(step) is Run
    ]
    assert environments == ["/dev/ca", "mine"]
    assert "PIP_CERT" not in str(made.stages[0].config)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "no FROM: nothing to build on", 1),
        ("RUN x", "RUN stands before the first FROM, where only ARG may", 1),
        ("FROM localhost/b:1\nRUNN x", "RUNN is no instruction that is supported", 2),
        ("FROM localhost/b:1\nONBUILD FROM x", "ONBUILD FROM x is not supported", 2),
        ("FROM localhost/b:1\nONBUILD ONBUILD RUN x", "ONBUILD ONBUILD RUN x is not supported", 2),
        ("FROM localhost/b:1\nONBUILD", "ONBUILD … is not supported", 2),
        ("FROM localhost/b:1\nSTOPSIGNAL SIGODD", "STOPSIGNAL SIGODD: this is no signal", 2),
        ("FROM localhost/b:1\nHEALTHCHECK --retries=1 --retries=1 CMD x", "HEALTHCHECK has --retries twice", 2),
        ("FROM localhost/b:1\nHEALTHCHECK --timeout=1us CMD x", "HEALTHCHECK --timeout=1us: this is less than 1ms", 2),
        ("FROM localhost/b:1\nCOPY a.txt <<E\nx\nE\n", "COPY cannot have a heredoc as its destination", 2),
        ("FROM localhost/b:1\nCOPY <<a/b /x\nx\na/b\n", "COPY <<a/b: a heredoc of this name cannot be a file", 2),
        ("FROM localhost/b:1\nCOPY <<A <<B /x\nA\nB\n", "COPY of more than one source ends in a folder", 2),
        ("FROM localhost/b:1\nCOPY --from=nope /a /b", "COPY --from=nope: there is no such stage above", 2),
        ("FROM localhost/b:1 AS me\nCOPY --from=me /a /b", "COPY --from=me: there is no such stage above", 2),
        ("FROM localhost/b:1\nCOPY --from=1 /a /b", "COPY --from=1: there is no such stage above", 2),
        ("FROM localhost/b:1\nCOPY gone /b", "COPY gone: the folder has no such file", 2),
        ("FROM localhost/b:1\nCOPY *.gone /b/", "COPY *.gone: the folder has no such file", 2),
        ("FROM localhost/b:1\nCOPY ../gone /b", "COPY ../gone: the folder has no such file", 2),
        ("FROM localhost/b:1\nCOPY a.txt b.txt /b", "COPY of more than one source ends in a folder", 2),
        ("FROM localhost/b:1\nWORKDIR /w\nVOLUME /a $NONE", "a path is empty", 3),
        ('FROM localhost/b:1\nCMD ["a"] # b', "# b stands behind what is written in JSON form", 2),
        (
            'FROM localhost/b:1\nRUN --network=none ["a", "b"] \\\n  c',
            "c stands behind what is written in JSON form",
            2,
        ),
        ('FROM localhost/b:1\nHEALTHCHECK --retries=1 CMD ["a"] b', "b stands behind what is written in JSON form", 2),
        ('FROM localhost/b:1\nONBUILD CMD ["a"]]', "] stands behind what is written in JSON form", 2),
        ('FROM localhost/b:1\nCOPY --exclude=[ab]* ["a", "b"] c', "c stands behind what is written in JSON form", 2),
        ("FROM localhost/b:1\nADD ftp://example.com/x /b", "ADD ftp://example.com/x is not supported", 2),
        (
            "FROM localhost/b:1\nADD git@example.com:a/b.git /b",
            "ADD git@example.com:a/b.git: git over ssh is not supported",
            2,
        ),
        (
            "FROM localhost/b:1\nADD https://example.com/x a.txt /b/",
            "ADD of files and addresses at once is not supported",
            2,
        ),
        (
            "FROM localhost/b:1\nADD --checksum=sha256:1 https://a.b/x /b",
            "ADD --checksum=sha256:1: this is no checksum",
            2,
        ),
        ("FROM localhost/b:1\nADD --checksum=sha256:1 a.txt /b", "ADD --checksum is of one address", 2),
        (
            "FROM localhost/b:1\nADD https://a.b/x.git?ref=y /b",
            "ADD https://a.b/x.git?ref=y: a query is not supported",
            2,
        ),
        (
            "FROM localhost/b:1\nADD https://a.b/x.git#:../y /b",
            "ADD https://a.b/x.git#:../y: ../y leads out of the repository",
            2,
        ),
        ("FROM localhost/b:1\nCOPY https://example.com/x /b", "COPY https://example.com/x: an address is for ADD", 2),
        ("FROM localhost/b:1\nCOPY a.txt", "COPY is followed by what to copy and where to", 2),
        ("FROM localhost/b:1\nCOPY --link=x a.txt /x", "COPY --link=x: this is true or false", 2),
        ("FROM localhost/b:1\nCOPY --chmod=u~x a.txt /x", "'u~x' is no file mode", 2),
        ("FROM localhost/b:1\nADD --parents a.txt /x", "ADD --parents is not supported", 2),
        ("FROM localhost/b:1\nCOPY --chmod=9 a.txt /x", "'9' is no file mode", 2),
        ("FROM ${NOPE}", "FROM ${NOPE} names no image: an argument has no value", 1),
        ("FROM debian", "FROM debian does not name its registry", 1),
        ("FROM localhost/t:1\nUSER 1", "COPY gone: the folder has no such file", 1),
        ("FROM localhost/b:1 as a\nFROM scratch AS a", "the stage a has the name of one above", 2),
        ("FROM --platform=linux/s390x localhost/b:1", "FROM --platform=linux/s390x is not supported", 1),
        ("ARG P=windows\nFROM --platform=$P localhost/b:1", "FROM --platform=windows is not supported", 2),
        ("FROM localhost/b:1\nRUN --security=insecure x", "RUN --security=insecure is not supported", 2),
        ("FROM localhost/b:1\nRUN --mount=type=ssh,size=1 x", "--mount=type=ssh has no option size", 2),
        ("FROM localhost/b:1\nRUN --mount=type=tmpfs,target=/t,size=x y", "'x' is no size", 2),
        ("FROM localhost/b:1\nRUN --mount=type=secret,env=a-b x", "--mount: 'a-b' is no name of a variable", 2),
        (
            "FROM localhost/b:1\nFROM localhost/b:1\nRUN --mount=from=0,target=/x y",
            "--from=0: there is no such stage above",
            3,
        ),
        ("FROM scratch\nRUN --mount=type=cache x", "--mount cannot have / as its target", 2),
        (
            "FROM localhost/b:1\nRUN --mount=type=secret,env=X x",
            "--mount=type=secret names neither an id nor a target",
            2,
        ),
        ("FROM localhost/b:1\nRUN --mount=type=bind,source=gone,target=/x y", "RUN --mount: the folder has no gone", 2),
        ("FROM localhost/b:1\nRUN", "RUN is followed by a command", 2),
        ("FROM localhost/b:1\nEXPOSE 99999", "'99999' is no port", 2),
        ("FROM localhost/b:1\nENV A=${B^x}", "${B^…} is not supported", 2),
        ("FROM localhost/b:1\nENV A", "the Containerfile cannot be read: ENV must have two arguments", 1),
        ("# escape=x\nFROM localhost/b:1", "# escape=x: this is \\ or `", 1),
        ("#\n# escape=x\nFROM localhost/b:1\nUSER a b", "USER a b: this is no user", 4),
        ("# syntax=example.com/other:1\nFROM localhost/b:1", "# syntax=example.com/other:1 is not supported", 1),
        ("FROM localhost/b:1\nSHELL /bin/bash", "SHELL is followed by words in JSON form", 2),
        ("FROM localhost/b:1\nHEALTHCHECK --interval=soon CMD x", "'soon' is no length of time", 2),
        ("FROM localhost/b:1\nUSER a b", "USER a b: this is no user", 2),
    ],
)
def test_what_cannot_be_is_named_with_its_line(folder: Path, text: str, message: str, line: int) -> None:
    with pytest.raises(WorkbenchError) as raised:
        plan(text, folder)
    assert (raised.value.message, raised.value.where) == (message, f"Containerfile:{line}")


WORDS = [
    "FROM",
    "ARG",
    "ENV",
    "RUN",
    "COPY",
    "ADD",
    "USER",
    "WORKDIR",
    "LABEL",
    "EXPOSE",
    "CMD",
    "ENTRYPOINT",
    "VOLUME",
    "STOPSIGNAL",
    "SHELL",
    "HEALTHCHECK",
]
PIECES = [
    "localhost/b:1",
    "AS",
    "x",
    "--from=x",
    "--mount=type=cache",
    ",target=/c",
    "a=b",
    "$x",
    "${x:-",
    "}",
    '"',
    "'",
]
PIECES += [
    "/",
    "..",
    "*",
    "[",
    "]",
    '["a"]',
    "\\",
    "\n",
    "<<E",
    "E",
    "=",
    "CMD",
    "NONE",
    "80/tcp",
    "#",
    "--",
    "\0",
    "é",
]
line = st.builds(
    lambda word, rest: f"{word} {' '.join(rest)}", st.sampled_from(WORDS), st.lists(st.sampled_from(PIECES), max_size=6)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(line, max_size=8).map("\n".join), st.booleans())
def test_whatever_a_containerfile_contains_it_is_read_or_refused(folder: Path, text: str, begun: bool) -> None:
    try:
        made = plan("FROM localhost/b:1\n" + text if begun else text, folder, x="$y")
    except WorkbenchError as error:
        assert error.message and error.where.startswith("Containerfile:")
    else:
        assert made.needed()[-1] == len(made.stages) - 1


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_whatever_text_it_is_it_is_read_or_refused(text: str) -> None:
    try:
        plan(text)
    except WorkbenchError as error:
        assert error.message


def test_a_command_of_nothing_but_spaces_is_refused() -> None:
    with pytest.raises(WorkbenchError):
        read(Source("FROM \n \\", "C", lambda path: True), lambda image: {})


def test_the_platform_of_this_machine_may_be_named_in_every_way() -> None:
    names = (f"linux/{ARCHITECTURE}", ARCHITECTURE, "linux", "$BUILDPLATFORM", "${TARGETPLATFORM}", "$P")
    for name in names:
        text = f"ARG P=linux/{ARCHITECTURE}\nFROM --platform={name} localhost/b:1 AS one\nFROM one\n"
        assert len(read(Source(text, "C", lambda path: True), lambda image: {}).stages) == 2
