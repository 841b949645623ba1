from __future__ import annotations

import pytest

from tests.containerfile.test_reader import plan
from workbench.containerfile.build_plan import Copy, Run, RunMount
from workbench.containerfile.heredocs import HeredocWord, InlineFile, heredoc_word
from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("<<EOF", HeredocWord("EOF", expands=True, chomps=False)),
        ("3<<-EOF", HeredocWord("EOF", expands=True, chomps=True)),
        ("<<'a b'", HeredocWord("a b", expands=False, chomps=False)),
        ('<<a"b\\"c"', HeredocWord('ab"c', expands=False, chomps=False)),
        ("<<\\E", HeredocWord("E", expands=True, chomps=False)),
        ("<<$E", HeredocWord("$E", expands=True, chomps=False)),
        ("<<", None),
        ("<<<x", None),
        ("<<a b", None),
        ("<<'a", None),
        ("<<''", None),
        ("x<<E", None),
    ],
)
def test_the_words_that_begin_one(word: str, expected: HeredocWord | None) -> None:
    assert heredoc_word(word) == expected


def steps(text: str) -> tuple[object, ...]:
    return plan(f"FROM localhost/b:1\n{text}").stages[0].steps


def test_a_heredoc_is_what_the_shell_runs_a_script_or_text_for_a_command() -> None:
    text = "RUN <<-A\n\techo $X\nA\nRUN <<B\n#!/bin/python\nB\nRUN cat <<-C <<'D' >x\n\tc\nC\nd\nD\n"
    one, two, three = (step for step in steps(text) if isinstance(step, Run))
    assert one.arguments == ("/bin/sh", "-c", "echo $X\n")
    assert two.arguments == ("/bin/sh", "-c", "/dev/pipes/B")
    assert two.mounts == (RunMount("script", "/dev/pipes", file=InlineFile("B", b"#!/bin/python\n")),)
    assert three.arguments == ("/bin/sh", "-c", "cat <<-C <<'D' >x\n\tc\nC\nd\nD")
    assert three.title == "RUN cat <<-C <<'D' >x"


def test_files_have_their_variables_replaced_unless_their_word_is_quoted() -> None:
    text = "ENV X=1\nCOPY --chown=5 <<A <<-'B' /opt/\n$X '$X' \\$X\nA\n\t$X\nB\n"
    (copy,) = (step for step in steps(text) if isinstance(step, Copy))
    assert (copy.sources, copy.target, copy.owner) == ((), "/opt/", "5:5")
    assert copy.files == (InlineFile("A", b"1 '1' $X\n"), InlineFile("B", b"$X\n"))


def test_where_the_text_of_an_instruction_begins() -> None:
    run, copy, plain = instructions("RUN \\\n <<A cat <<B\n1\n2\nA\nB\nCOPY <<C /x\nC\nRUN \\\n true\n")
    assert (run.line, run.body, run.end) == (1, 3, 6)
    assert (copy.line, copy.body, copy.end) == (7, 8, 8)
    assert (plain.line, plain.body, plain.end) == (9, 11, 10)


@pytest.mark.parametrize(
    "line", ["RUN ${B/a/b} <<E", "COPY ${B%x} <<E /x/", "RUN echo ${B##x} 3<<-'E'", "ONBUILD RUN ${B#a} <<E"]
)
def test_one_that_the_parser_overlooks_is_refused(line: str) -> None:
    for text in (f"{line}\n", f"{line}\nRUN true\nE\n"):
        with pytest.raises(WorkbenchError, match="cannot be read beside a variable with a pattern") as caught:
            instructions(f"FROM localhost/b:1\n{text}")
        assert caught.value.where == "2"


@pytest.mark.parametrize("line", ["RUN echo ${B%x} <<<word", "RUN echo ${B:-x} <<E\nE", "RUN echo $((1<<2)) ${B%x}"])
def test_what_only_looks_like_one_is_not(line: str) -> None:
    assert instructions(f"{line}\n")[0].word == "RUN"
