from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import command_line, wizard
from tests.wizard.terminal import Terminal

FLAGS = "--release … --date … --base … --os … --python … --bundle … --ide … --out …"


def no_terminal(catalogue: Path | None = None, folder: Path = REPOSITORY) -> str:
    """Return what it prints without a terminal, run in `folder` with this catalogue."""
    new = f"{command_line(folder, catalogue)} new"
    return (
        "error: there is no terminal for the prompts\n"
        f"  hint: give the answers as flags: `{new} {FLAGS}`, or `{new} --defaults`\n"
    )


@pytest.mark.parametrize("arguments", ["", "wizard", "--out x", "--catalog /nowhere", "--catalog=/nowhere"])
def test_without_a_terminal_it_names_the_flags(arguments: str) -> None:
    done = wizard(*arguments.split())
    catalogue = Path("/nowhere") if "nowhere" in arguments else None
    assert (done.returncode, done.stdout, done.stderr) == (2, "", no_terminal(catalogue))


def test_without_a_terminal_no_prompt_library_is_imported() -> None:
    command = [sys.executable, "-X", "importtime", str(REPOSITORY / "wizard.py")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "workbench" in imported
    assert not imported & {"questionary", "prompt_toolkit", "rich"}
    assert "workbench.wizard" not in done.stderr


@pytest.mark.parametrize("redirection", ["< /dev/null", "| cat", "<&-"])
def test_a_terminal_on_one_stream_only_is_not_enough(tmp_path: Path, redirection: str) -> None:
    with Terminal(tmp_path, under=("sh", "-c", f'"$0" "$@" {redirection}'), columns=200) as terminal:
        terminal.end()
        assert terminal.text.replace("\n", "") == no_terminal(folder=tmp_path).replace("\n", "")


def test_a_closed_output_is_an_error_of_its_own(tmp_path: Path) -> None:
    with Terminal(tmp_path, under=("sh", "-c", '"$0" "$@" >&-'), columns=200) as terminal:
        terminal.end()
        assert terminal.text.strip() == "error: standard output is closed: there is nowhere to print to"


def test_its_help_shows_examples() -> None:
    done = wizard("wizard", "--help")
    assert done.returncode == 0
    assert "wizard.py --offline" in done.stdout
