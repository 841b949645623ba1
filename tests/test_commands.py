"""Commands that messages name can be typed as they are printed: one function writes all of them."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import wizard
from workbench.cli import VERBS
from workbench.commands import here, use_catalogue

# `make` in front of a job that a verb does too; not `make setup` and `make wizard`, which set up a checkout.
_JOBS = "lock|base|os-image|cuda|images|recipes|monobase-image|service-image|validate|push|release-[a-z]+"
_BARE = re.compile(rf"\bwizard\.py (?:{'|'.join(VERBS)})\b|`make (?:{_JOBS})\b")
# Help and its examples: lines of their own, where the name stands for the command.
_OF_HELP = re.compile(r"(?m)^  (?:\S+=\S+ )*(?:wizard\.py|make) .*$|^usage: .*$|^\s*eval .*$|\(make [^)]*\)")


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each literal of a file that is no docstring and no example of help."""
    text = path.read_text(encoding="utf-8")
    if "wizard.py" not in text and "`make " not in text:
        return
    tree = ast.parse(text)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    documentation |= {
        id(part)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and "EXAMPLES" in [name.id for name in node.targets if isinstance(name, ast.Name)]
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def bare(text: str) -> bool:
    """Return whether a text names a command without the interpreter that runs it, outside of help."""
    return _BARE.search(_OF_HELP.sub("", text)) is not None


def test_no_message_names_a_command_by_hand() -> None:
    found = []
    for path in sorted((REPOSITORY / "workbench").rglob("*.py")):
        found += [f"{path}:{line}: {text!r}" for line, text in messages(path) if bare(text)]
    for path in sorted((REPOSITORY / "workbench").rglob("*.toml")):
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        found += [f"{path}:{number}: {line}" for number, line in lines if bare(line) and not line.startswith("#")]
    # What is written into a lock stands there on every machine.
    assert [text for text in found if "models/lock.py" not in text] == []


@pytest.mark.parametrize(
    "text", ["`wizard.py new` makes one", "run `make lock`", "give flags: wizard.py new --defaults", "wizard.py ps"]
)
def test_such_a_message_would_be_found(text: str) -> None:
    assert bare(text)


def test_the_command_of_a_hint_runs_from_another_folder(tmp_path: Path) -> None:
    done = wizard("build", "nowhere", cwd=tmp_path)
    command = re.search(r"hint: `([^`]+) new --defaults` makes one", done.stderr)
    assert command, done.stderr
    shown = subprocess.run(
        [*shlex.split(command[1]), "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("workbench-images ")


def test_the_command_of_a_hint_has_the_catalogue_of_the_run(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path / "a b")
    out = tmp_path / "recipes"
    done = wizard("new", "--defaults", "--offline", "--no-lint", "--catalog", catalogue, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("build it with: ")]
    words = shlex.split(line.removeprefix("build it with: "))
    assert words[2:5] == ["--catalog", str(catalogue), "build"]
    dry = subprocess.run([*words[:4], "check", words[-1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr


def test_the_tools_own_catalogue_needs_no_name() -> None:
    use_catalogue(str(REPOSITORY))
    assert here("ps").endswith(" wizard.py ps")
    assert here("").endswith(" wizard.py")
