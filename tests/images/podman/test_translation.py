"""What podman cannot read is written in another way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.containerfile.parser import instructions
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
USER 1
"""
    made = translated(text, {}, IMAGES.__getitem__)
    assert made.text == (
        "FROM localhost/b:1 AS one\n"
        'RUN --mount=type=cache,target=/c ["/bin/bash", "-c", " a \\"b\\"\\n"]\n'
        'SHELL ["/bin/zsh", "-c"]\n'
        "FROM one\n"
        'RUN ["/bin/zsh", "-c", "cat <<A\\n1\\nA"]\n'
        'FROM scratch\nRUN ["/bin/sh", "-c", "x\\n"]\nUSER 1\n'
    )
    assert made.titles['RUN ["/bin/zsh", "-c", "cat <<A\\n1\\nA"]'] == "RUN cat <<A"


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


def test_a_long_text_is_folded_into_lines_that_podman_reads() -> None:
    body = ("echo '" + "x #é" * 50 + "'\n") * 600
    made = translated(f"FROM localhost/plain:1\nRUN <<A\n{body}A\n", {}, IMAGES.__getitem__)
    lines = made.text.splitlines()
    assert max(map(len, lines)) < 60_000 and not any(line.startswith(("#", " ")) for line in lines[2:])
    joined = "".join(line.removesuffix("\\") for line in lines[1:])
    assert json.loads(joined.removeprefix("RUN ")) == ["/bin/sh", "-c", body]
