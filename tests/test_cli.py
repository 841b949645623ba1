from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import wizard
from workbench import __version__
from workbench.cli import VERBS, main


def test_help_lists_every_verb_and_needs_no_catalogue() -> None:
    done = wizard("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert f"\n  {verb}" in done.stdout
    assert wizard("--version").stdout == f"workbench-images {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(verb: str) -> None:
    done = wizard(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "examples:\n  " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nwe"], 2, "there is no verb 'nwe'\n  hint: did you mean new?"),
        (["new", "--relaese", "x"], 2, "unrecognized arguments: --relaese"),
        (["new", "--rel", "2026a"], 2, "unrecognized arguments: --rel"),
        (["list", "colours"], 2, "invalid choice: 'colours'"),
        (["tag"], 2, "required: parse|format"),
        (["list", "--catalog", "/nowhere"], 1, "/nowhere: there is no such catalogue folder"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], code: int, message: str) -> None:
    done = wizard(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_usage_errors_are_json_on_request() -> None:
    done = wizard("list", "--json", "colours")
    assert set(json.loads(done.stderr)) == {"error", "hint", "where"}


def test_a_bug_is_reported_as_one_with_its_details_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(root: str) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("workbench.verbs.list.open_catalogue", broken)
    assert main(["list"]) == 3
    message = capsys.readouterr().err
    assert "this is a bug in workbench-images: RuntimeError('boom')" in message
    log = Path(message.partition("the details are in ")[2].partition(";")[0])
    assert "RuntimeError: boom" in log.read_text()
    log.unlink()


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(root: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.verbs.list.open_catalogue", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_goes_away_is_no_bug() -> None:
    command = f"{sys.executable} wizard.py matrix --json --os trixie | head -c 10"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("list >/dev/full", "error: standard output cannot be written: No space left on device\n"),
        ("list --json >/dev/full", '{"error": "standard output cannot be written: No space left on device", '),
        ("list >&-", "error: standard output is closed: there is nowhere to print to\n"),
        ("tag --help >&-", "error: standard output is closed: there is nowhere to print to\n"),
    ],
)
def test_an_output_that_takes_nothing_is_no_bug(line: str, error: str) -> None:
    command = ["sh", "-c", f"{sys.executable} wizard.py {line}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(error) and done.stderr.count("\n") == 1


def test_without_standard_error_results_are_printed_all_the_same() -> None:
    command = ["sh", "-c", f"{sys.executable} wizard.py list ides 2>&-"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "IDES")


@pytest.mark.parametrize("flags", [["--catalog", "{}"], ["--catalog={}"]])
def test_the_catalogue_may_stand_before_the_verb(flags: list[str], tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path)
    done = wizard(*(flag.format(catalogue) for flag in flags), "list", "ides")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Editor" in done.stdout and "JupyterLab" not in done.stdout
    # Without a verb it is the wizard's still.
    assert "there is no terminal for the prompts" in wizard("--catalog", catalogue).stderr


def test_an_answers_file_without_an_end_is_refused() -> None:
    done = wizard("new", "--answers", "/dev/zero", "--offline")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "/dev/zero: has more than" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["matrix"], ["new", "--help"], ["new", "--defaults", "--dry-run", "--offline"]],
)
def test_text_verbs_import_no_prompt_and_no_rich(arguments: list[str], tmp_path: Path) -> None:
    if arguments == ["matrix"]:
        # Our own catalogue has templates, and composing those is what Jinja2 is for.
        arguments = ["matrix", "--catalog", str(make_catalogue(tmp_path))]
    script = (
        "import sys; sys.argv[0] = 'wizard.py'; from workbench.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "heavy = {'questionary', 'prompt_toolkit', 'rich', 'jinja2', 'httpx', 'grpc'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.stderr.splitlines()[-1] == "[]"


def test_outside_the_environment_one_line_names_what_to_run(tmp_path: Path) -> None:
    """A Python without our libraries: this one, made to look nowhere but in its own standard library."""
    catalogue = make_catalogue(tmp_path)
    base = os.path.join(sys.base_prefix, "bin", "python3")
    command = [base, "-S", "wizard.py", "new", "--defaults", "--offline", "--catalog", str(catalogue)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("wizard.py needs ")
    assert done.stderr.endswith(": run `make wizard`, or .venv/bin/python wizard.py after `make setup`\n")
    assert done.stderr.count("\n") == 1
