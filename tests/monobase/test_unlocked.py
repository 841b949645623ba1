"""What a generation declares and has no lock for: each command says so, and names the variable of the index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.models import offline
from tests.monobase.wheels import MINOR, Index, python_flag, write_generation
from workbench.errors import WorkbenchError
from workbench.monobase import fill
from workbench.monobase.generation import load, machine
from workbench.monobase.interpreters import Interpreter, InterpreterMissingError

VARIABLE = "PYTORCH_CU118_INDEX_URL"
UNLOCKED = f"python{MINOR}-torch2.1.2-cu118"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    index = Index(tmp_path / "index")
    pin = index.add("tiny")
    write_generation(tmp_path / "data", 1, {"one": index.lock(tmp_path / "one.txt", pin)})
    matrix = tmp_path / "data/requirements/g00001/matrix.json"
    written = json.loads(matrix.read_text())
    row = {"name": UNLOCKED, "python": MINOR, "torch": "2.1.2", "cuda": "11.8", "cudnn": "8", "stack": ""}
    written["environments"].append({**row, "unlocked": VARIABLE, "platform": machine()})
    matrix.write_text(json.dumps(written))
    return tmp_path / "data"


def test_build_and_status_say_what_is_not_locked_and_what_it_needs(data: Path, tmp_path: Path) -> None:
    where = ("--prefix", tmp_path / "prefix", "--data", data)
    env = offline(tmp_path / "index")
    done = wizard("monobase", "build", *where, python_flag(), env=env)
    assert done.returncode == 0, done.stderr
    assert f"1 more are declared and not locked: they need {VARIABLE}\n" in done.stdout
    shown = wizard("monobase", "status", *where)
    assert shown.stdout.splitlines()[-1] == f"g00001: 1 more are declared and not locked: they need {VARIABLE}"
    [status] = json.loads(wizard("monobase", "status", *where, "--json").stdout)
    assert status["unlocked"] == {UNLOCKED: VARIABLE}
    named = {"R8_PYTHON_VERSION": MINOR, "R8_TORCH_VERSION": "2.1.2", "R8_CUDA_VERSION": "11.8"}
    done = wizard("monobase", "build", *where, "--mini", env={**env, **named})
    assert f"there is {UNLOCKED}, but it is not locked: its packages are in the index ${{{VARIABLE}}}" in done.stderr
    # Another generation of that name is below the prefix than the one of the data: nothing is known of it.
    (data / "requirements/g00001/matrix.json").write_text(
        (data / "requirements/g00001/matrix.json").read_text().replace("CU118", "CU119")
    )
    assert "not locked" not in wizard("monobase", "status", *where).stdout


def test_an_environment_without_a_lock_is_named_with_its_variable(data: Path) -> None:
    with pytest.raises(WorkbenchError, match=VARIABLE):
        load(data, "g00001").environment(UNLOCKED)


def test_only_pythons_that_are_needed_are_fetched(data: Path) -> None:
    fetched: list[str] = []

    def find(minor: str) -> Interpreter:
        raise InterpreterMissingError(f"no Python {minor}", hint="install it")

    def fetch(full: str) -> Interpreter:
        fetched.append(full)
        raise WorkbenchError(f"no {full}")

    generations = [load(data, "g00001")]
    assert fill.interpreters_for(generations, find, fetch)[1] == {MINOR: f"no {MINOR}.99"}
    excluded = fill.interpreters_for(generations, find, fetch, lambda _: "not now")
    assert (excluded, fetched) == (({}, {MINOR: f"no Python {MINOR} (install it)"}), [f"{MINOR}.99"])
