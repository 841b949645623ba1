"""Completion in the shells themselves: what Tab offers in bash, zsh and fish."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import ENTRY, wizard
from workbench.catalog.questions import QUESTIONS
from workbench.cli import VERBS
from workbench.verbs._complete import FILES, FOLDERS, WORDS, candidates

SHELLS = {
    # bash calls the function as it does on Tab: with the words and the line in its variables.
    "bash": """
source <("$0" "$1" completion bash)
IFS=' ' read -r -a COMP_WORDS <<< "${2//=/ = }"; [[ $2 == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}
compopt() { :; }
complete -p wizard.py >&2
_workbench_images
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
autoload -U compinit && compinit -u -D
source <("$0" "$1" completion zsh)
# What compadd would be given is printed: completion itself needs a line editor.
compdef() { :; }
_describe() { shift 2; print -l -- ${${(P)1}%%:*} }
_files() { print -l -- files }
words=(${(Q)${(z)2}}); [[ $2 == *' ' ]] && words+=("")
CURRENT=$#words
_workbench_images
""",
    "fish": """
$argv[1] $argv[2] completion fish | source
complete -C $argv[3] | string replace -r '\\t.*' ''
true
""",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue, which reads in no time, and a recipe."""
    folder = tmp_path_factory.mktemp("completion")
    make_catalogue(folder)
    (folder / "recipes/some-tag").mkdir(parents=True)
    (folder / "recipes/some-tag/recipe.toml").write_text("")
    return folder


def offered(line: str, folder: Path) -> list[str]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        return list(candidates(line.split(" ")[1:]).words)
    finally:
        os.chdir(before)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "__complete"])
def test_every_verb_completes_its_flags(verb: str) -> None:
    assert "--help" in candidates([verb, "--"]).words
    assert "--catalog" in candidates([verb, "--c"]).words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wizard.py u", ["up", "update"]),
        ("wizard.py --catalog catalogue li", ["list"]),
        ("wizard.py --catalog catalogue up --bundle ", ["plain"]),
        ("wizard.py --catalog=catalogue up --ide e", ["editor"]),
        ("wizard.py up --catalog catalogue --ide=e", ["--ide=editor"]),
        ("wizard.py new --catalog catalogue --python ", ["3.11", "3.12"]),
        ("wizard.py release --catalog catalogue check ", ["2026a"]),
        ("wizard.py --catalog catalogue release diff 2026a ", ["2026a"]),
        ("wizard.py release ch", ["check"]),
        ("wizard.py monobase ex", ["exec"]),
        ("wizard.py monobase exec --pref", ["--prefix"]),
        ("wizard.py monobase exec -- --pref", []),
        ("wizard.py build ", ["recipes/some-tag"]),
        ("wizard.py diff recipes/some-tag rec", ["recipes/some-tag"]),
        ("wizard.py list o", ["oses"]),
        ("wizard.py --off", ["--offline"]),
        ("wizard.py export kubernetes --kind ", ["StatefulSet", "Pod"]),
        ("wizard.py nothing ", []),
        ("wizard.py --catalog nowhere up --ide ", None),
    ],
)
def test_what_is_offered(small: Path, line: str, words: list[str] | None) -> None:
    if words is None:
        done = wizard("__complete", "fish", *line.split(" ")[1:], cwd=small)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{WORDS}\n", "")
        return
    assert offered(line, small) == words


def test_what_the_shell_adds() -> None:
    assert candidates(["new", "--answers", ""]).kind == FILES
    assert candidates(["new", "--out", ""]).kind == FOLDERS
    assert candidates(["--catalog", ""]).kind == FOLDERS
    assert candidates(["build", "no/such/"]).kind == FOLDERS
    assert candidates(["list", ""]).kind == WORDS


def test_a_flag_is_offered_once_unless_it_may_be_repeated() -> None:
    flags = candidates(["build", "x", "--json", "--engine-option", "a", "--"]).words
    assert "--json" not in flags
    assert {"--engine-option", "--push"} <= flags.keys()


def test_every_answer_of_the_table_of_questions_is_completed(small: Path) -> None:
    for question in QUESTIONS:
        if question.offered and question.name != "image":
            assert offered(f"wizard.py new --catalog catalogue --{question.name} ", small), question.name


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wizard.py st", {"stop"}),
        ("wizard.py --catalog catalogue up --ide ", {"editor", "runtime"}),
        ("wizard.py build rec", {"recipes/some-tag"}),
    ],
)
def test_in_a_real_shell(shell: str, line: str, words: set[str], small: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    assert shown_by(program, line, small) >= words


def test_bash_replaces_what_stands_behind_the_equals_sign(small: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    assert shown_by(bash, "wizard.py --catalog catalogue up --ide=e", small) == {"editor"}


def shown_by(shell: str, line: str, folder: Path) -> set[str]:
    """Return what a shell offers for a line, with the script as `completion` prints it."""
    name = Path(shell).name
    command = [shell, *(["-f"] if name == "zsh" else []), "-c", SHELLS[name], *ENTRY, line]
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return {word.rstrip("/") for word in done.stdout.splitlines()}


def test_in_a_checkout_the_script_makes_the_name_a_command(tmp_path: Path) -> None:
    script = 'source <("$0" "$1" completion bash) && wizard.py --version'
    done = subprocess.run(["bash", "-c", script, *ENTRY], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.startswith("workbench-images "), done.stderr


def test_an_unknown_shell_is_named(tmp_path: Path) -> None:
    done = wizard("completion", "tcsh")
    assert done.returncode == 2
    assert "invalid choice: 'tcsh'" in done.stderr
