"""Every test on disk is run by one of `make test`, `make test-thorough` and `make test-slow`."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tests.catalogues import REPOSITORY
from tests.conftest import COLLECTED


def selection(name: str, makefile: str) -> str:
    """Return the marker expression that the Makefile calls `name`."""
    found = re.search(rf"^{name} := (.+)$", makefile, re.MULTILINE)
    assert found, f"the Makefile has no {name}"
    return found[1]


_COLLECT = """
import json, pytest, sys
class Listing:
    def pytest_collection_finish(self, session):
        marks = {item.nodeid: sorted({mark.name for mark in item.iter_markers()}) for item in session.items}
        print("collected " + json.dumps(marks))
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Listing()]))
"""


def collected(folder: Path = REPOSITORY) -> dict[str, set[str]]:
    """Return the ids of the tests that pytest collects, without any selection, and the names of their marks."""
    command = [sys.executable, "-c", _COLLECT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("collected ")]
    return {test: set(marks) for test, marks in json.loads(line.partition(" ")[2]).items()}


def selected(tests: dict[str, set[str]], expression: str) -> set[str]:
    """Return the tests that `-m expression` selects, by pytest's own reading of it."""
    compiled = Expression.compile(expression)

    def matches(marks: set[str]) -> bool:
        return compiled.evaluate(lambda name, /, **_: name in marks)

    return {test for test, marks in tests.items() if matches(marks)}


def files_with_tests(folder: Path) -> set[str]:
    """Return the files below `folder`, relative to its parent, that define a test."""
    found = set()
    for file in folder.rglob("*.py"):
        functions = [
            node.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        # Rules of a state machine are run through the class that hypothesis makes of it.
        if file.name.startswith("test_") and any(name.startswith("test_") for name in functions):
            found.add(str(file.relative_to(folder.parent)))
        elif not file.name.startswith("test_"):
            # pytest would never look into it.
            assert not [name for name in functions if name.startswith("test_")], file
    return found


def missed(tests: dict[str, set[str]]) -> set[str]:
    """Return the files with tests of which `tests` has none."""
    return files_with_tests(REPOSITORY / "tests") - {test.partition("::")[0] for test in tests}


@pytest.fixture(scope="module")
def everything(request: pytest.FixtureRequest) -> dict[str, set[str]]:
    """What this run collected, where it was of everything, as in CI; else what pytest collects without arguments."""
    by_this_run = request.config.stash[COLLECTED]
    return collected() if missed(by_this_run) else by_this_run


def test_every_file_with_tests_is_collected(everything: dict[str, set[str]]) -> None:
    assert missed(everything) == set()


def test_every_test_is_in_one_selection(everything: dict[str, set[str]]) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    names = ("ALL", "SLOW", "QUICK", "THOROUGH")
    every, slow, quick, thorough = (selected(everything, selection(name, makefile)) for name in names)
    assert every & slow == set()
    assert every | slow == set(everything)
    assert (quick | thorough, quick & thorough) == (every, set())
    # CI runs these two, and the slow ones are run by hand.
    assert {"make test", "make test-thorough"} <= set((REPOSITORY / ".ci/run").read_text().splitlines())


@pytest.mark.parametrize("name", ["build", "dist", "venv", "node_modules"])
def test_no_name_of_a_folder_hides_its_tests(tmp_path: Path, name: str) -> None:
    """pytest's own list of folders that it leaves out has `build`, and a third of our tests was once in such a one."""
    (tmp_path / "tests" / name).mkdir(parents=True)
    (tmp_path / "tests" / name / "test_one.py").write_text("def test_it() -> None:\n    pass\n")
    settings = (REPOSITORY / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(settings)
    assert files_with_tests(tmp_path / "tests") == {f"tests/{name}/test_one.py"}
    assert set(collected(tmp_path)) == {f"tests/{name}/test_one.py::test_it"}
