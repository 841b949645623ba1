"""What podman cannot read is written in another way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError
from workbench.images.podman.translation import CONTEXT, PlacedFile, translated

IMAGES: Mapping[str, Mapping[str, Any]] = {
    "localhost/b:1": {"config": {"Env": ["X=base"], "Shell": ["/bin/bash", "-c"]}},
    "localhost/plain:1": {"config": {}},
}


def test_what_podman_can_read_stays_as_it_is() -> None:
    text = "FROM localhost/nowhere:1\nRUN echo '<<EOF' \\\n  $((1<<2))\nCOPY a /b\n"
    assert translated(text, {}, IMAGES.__getitem__).text == text


def test_a_run_becomes_words_with_the_shell_that_it_has() -> None:
    text = """\
FROM localhost/b:1 AS one
RUN --mount=type=cache,target=/c <<A
 a "b"
A
SHELL ["/bin/zsh", "-c"]
FROM one
RUN cat <<A
1
A
FROM scratch
RUN <<A
x
A
COPY --from=1 a b
USER 1
"""
    made = translated(text, {}, IMAGES.__getitem__)
    assert made.text == (
        "FROM localhost/b:1 AS one\n"
        'RUN --mount=type=cache,target=/c ["/bin/bash", "-c", " a \\"b\\"\\n"]\n'
        'SHELL ["/bin/zsh", "-c"]\n'
        "FROM one\n"
        'RUN ["/bin/zsh", "-c", "cat <<A\\n1\\nA"]\n'
        'FROM scratch\nRUN ["/bin/sh", "-c", "x\\n"]\nCOPY --from=1 a b\nUSER 1\n'
    )
    assert made.titles['RUN ["/bin/zsh", "-c", "cat <<A\\n1\\nA"]'] == "RUN cat <<A"


def test_a_stage_that_the_last_one_does_not_need_is_empty() -> None:
    text = """\
FROM --platform=linux/s390x docker.io/nowhere AS other
ARG X
RUN <<A
x
A
FROM localhost/b:1
# Nobody needs it.
COPY a b

FROM localhost/b:1 AS base
FROM base
RUN x
"""
    made = translated(text, {}, IMAGES.__getitem__)
    assert made.text == ("FROM scratch AS other\nFROM scratch\n\nFROM localhost/b:1 AS base\nFROM base\nRUN x\n")


def test_files_become_those_of_a_context() -> None:
    text = "FROM localhost/b:1\nARG Y\nCOPY --chmod=750 <<A x <<'B' /d/\n$X$Y\nA\n$X\nB\nADD --chown=5 <<A /e\nA\n"
    made = translated(text, {"Y": "given"}, IMAGES.__getitem__)
    _, _, plain, copy, add = instructions(made.text)
    assert (plain.word, plain.flags, plain.args) == ("COPY", ("--chmod=750",), ("x", "/d/"))
    assert copy.flags == (f"--from={CONTEXT}", "--chmod=750", "--chown=0:0")
    assert (add.word, add.flags) == ("COPY", (f"--from={CONTEXT}", "--chown=5"))
    assert [made.files[path] for path in (*copy.args[:2], add.args[0])] == [
        PlacedFile(b"basegiven\n", 0o644),
        PlacedFile(b"$X\n", 0o644),
        PlacedFile(b"", 0o644),
    ]
    assert [path.rpartition("/")[2] for path in copy.args] == ["A", "B", ""]


def test_a_script_is_mounted_and_its_step_changes_with_it() -> None:
    one, other = (
        translated(f"FROM localhost/plain:1\nRUN <<A\n#!/bin/sh\n{line}\nA\n", {}, IMAGES.__getitem__)
        for line in ("one", "other")
    )
    ((path, file),) = one.files.items()
    assert file == PlacedFile(b"#!/bin/sh\none\n", 0o755)
    run = instructions(one.text)[1]
    assert run.flags == (f"--mount=type=bind,from={CONTEXT},source={path},target=/dev/pipes/A",)
    assert run.args == ("/bin/sh", "-c", "/dev/pipes/A")
    assert one.text != other.text


def of(text: str, **arguments: str) -> str:
    return translated(f"FROM localhost/b:1 AS one\n{text}", arguments, IMAGES.__getitem__).text.partition("\n")[2]


def test_an_argument_that_podman_reads_alike_stays() -> None:
    for text in ("ARG A=1\nENV B=$A\n", "ARG A\n", "ARG X=base\nRUN echo $X\n", "ARG A=1\nENV A=2\nLABEL l=${A:-x}\n"):
        assert of(text) == text


def test_a_stage_has_the_arguments_of_the_one_below() -> None:
    text = "ARG V=3.11\nARG G\nARG X=$V\nFROM one AS two\nARG V\nENV V=2\nFROM two\n"
    assert of(text, G="given") == (
        'ARG V=3.11\nARG G\nENV X="3.11"\nENV X="base"\nFROM one AS two\nARG G\nARG V="3.11"\n'
        'ARG V="3.11"\nENV V=2\nFROM two\n'
    )


def test_an_argument_goes_before_a_variable_above_it_and_leaves_it_in_the_image() -> None:
    text = "ENV A=1\nARG A='a \"b\" $'\nRUN a\nARG A=2\nRUN b\nUSER 1\n"
    made = 'ENV A=1\nENV A="a \\"b\\" \\$"\nRUN a\nENV A="2"\nRUN b\nUSER 1\nENV A="1"\n'
    assert of(text) == made
    # What an ENV sets afterwards is the image's.
    assert of("ENV A=1\nARG A=2\nENV A=$A-3\n") == 'ENV A=1\nENV A="2"\nENV A=$A-3\n'


def test_an_argument_with_several_names_becomes_several() -> None:
    assert of("ARG A=1 B=$A X=new\nRUN true\n") == 'ARG A=1\nARG B=$A\nENV X="new"\nRUN true\nENV X="base"\n'


def test_arguments_above_all_stages() -> None:
    text = "ARG A=1\nFROM localhost/none:$A\nRUN x\n"
    assert translated(text, {}, IMAGES.__getitem__).text == text
    made = translated("ARG A=1.2 B=${A%.2}\nFROM localhost/b:$B\n", {}, IMAGES.__getitem__).text
    assert made == 'ARG A="1.2"\nARG B="1"\nFROM localhost/b:1\n'


def test_arguments_of_every_build_are_declared() -> None:
    text = "# syntax=docker/dockerfile:1\n\nFROM localhost/b:1\nARG TARGETSTAGE\n"
    made = translated(text, {}, IMAGES.__getitem__).text
    assert made == text.replace("FROM", 'ARG TARGETSTAGE="default"\nFROM')


def test_modifiers_that_podman_does_not_know_are_replaced() -> None:
    text = (
        "ENV V=1.2.3 P=a-b\nENV S=${V%.*} T=${NOPE-none} U=${V:-x}\nLABEL l='$V' m=${P/-/+}\nWORKDIR /o/${V##*.}\n"
        'COPY --chown=${P%-*} ["${P#*-}", "/x y/"]\nEXPOSE ${V%%.*}\nRUN echo ${V%.*}\nENV W=${V:-1} Y=${P:+y}\n'
    )
    assert of(text) == (
        'ENV V=1.2.3 P=a-b\nENV "S"="1.2" "T"="none" "U"="1.2.3"\nLABEL "l"="$V" "m"="a+b"\n'.replace('"$V"', '"\\$V"')
        + 'WORKDIR "/o/3"\nCOPY --chown=a ["b", "/x y/"]\nEXPOSE "1"\n'
        + "RUN echo ${V%.*}\nENV W=${V:-1} Y=${P:+y}\n"
    )
    made = translated("ARG B=localhost/b:1.2\nFROM ${B%.*} AS me\n", {}, IMAGES.__getitem__).text
    assert made == "ARG B=localhost/b:1.2\nFROM localhost/b:1 AS me\n"


def test_a_long_text_is_folded_into_lines_that_podman_reads() -> None:
    body = ("echo '" + "x #é" * 50 + "'\n") * 600
    made = translated(f"FROM localhost/plain:1\nRUN <<A\n{body}A\n", {}, IMAGES.__getitem__)
    lines = made.text.splitlines()
    assert max(map(len, lines)) < 60_000 and not any(line.startswith(("#", " ")) for line in lines[2:])
    joined = "".join(line.removesuffix("\\") for line in lines[1:])
    assert json.loads(joined.removeprefix("RUN ")) == ["/bin/sh", "-c", body]


def test_another_escape_character_becomes_a_backslash() -> None:
    text = """\
# escape=`
FROM localhost/b:1
ARG A=1
ENV P=C:\\x Q=`$A `
  R=\\
RUN echo \\ `
  `$A
COPY a`$b /c\\d/
HEALTHCHECK --retries=2 CMD ["a", "b"]
CMD echo `x
"""
    assert translated(text, {}, IMAGES.__getitem__).text == (
        "#\nFROM localhost/b:1\n"
        "ARG A=1\n"
        'ENV "P"="C:\\\\x" "Q"="\\$A" "R"="\\\\"\n'
        'RUN ["/bin/bash", "-c", "echo \\\\   `$A"]\n'
        'COPY ["a\\\\$b", "/c\\\\\\\\d/"]\n'
        'HEALTHCHECK --retries=2 CMD ["a", "b"]\n'
        "CMD echo `x\n"
    )


def test_the_size_of_a_tmpfs_has_the_name_that_podman_has_for_it() -> None:
    text = "RUN --mount=type=tmpfs,target=/t,size=1.5m --network=none a \\\n  b\nRUN --mount=type=cache,target=/c x\n"
    assert of(text) == (
        "RUN --mount=type=tmpfs,target=/t,tmpfs-size=1572864 --network=none a   b\nRUN --mount=type=cache,target=/c x\n"
    )


def test_a_link_is_left_out() -> None:
    assert of('COPY --link --chown=5 a b /c/\nADD --link=true ["a b", "/c"]\nRUN true\n') == (
        'COPY --chown=5 a b /c/\nADD ["a b", "/c"]\nRUN true\n'
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("COPY --exclude=x a /b", "podman 4.3 knows no COPY --exclude"),
        ("COPY --parents a /b", "podman 4.3 knows no COPY --parents"),
        ("COPY --chmod=u+x a /b", "podman 4.3 knows no COPY --chmod=u+x: it takes numbers"),
        ("RUN --mount=type=secret,id=a,env=A x", "podman 4.3 knows no secret as a variable (env=)"),
        ("ONBUILD RUN <<E\nE", "podman 4.3 knows no heredoc behind ONBUILD"),
        ("HEALTHCHECK --start-interval=1s CMD a", "podman 4.3 knows no HEALTHCHECK --start-interval"),
    ],
)
def test_what_podman_cannot_be_brought_to_is_refused_with_what_can(line: str, message: str) -> None:
    text = f"FROM localhost/b:1\n{line}\n"
    with pytest.raises(WorkbenchError) as refused:
        translated(text, {}, IMAGES.__getitem__, (4, 3), file="Containerfile")
    assert (refused.value.message, refused.value.where) == (message, "Containerfile:2")
    assert "build with BuildKit" in refused.value.hint
    assert translated(text, {}, IMAGES.__getitem__, (5, 4)).text == text
