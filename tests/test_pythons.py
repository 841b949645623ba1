"""The tool on newer Pythons: an environment of each, made as users make it, runs the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.copied import copy_repository
from workbench.lock.interpreter import find_interpreter

# What needs no engine, and so differs by nothing but the Python that runs it.
ROOMS = (
    *("attest", "catalog", "compose", "containerfile", "export", "lock", "models", "monobase"),
    *("recipes", "registry", "release", "verbs", "wizard"),
)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_tests_pass_on(version: str, tmp_path: Path) -> None:
    interpreter = find_interpreter(version)
    if interpreter is None:
        pytest.skip(f"no CPython {version} found under pyenv or PATH")
    copy = copy_repository(tmp_path / "repository")
    files = sorted(str(file.relative_to(copy)) for file in (copy / "tests").glob("test_*.py"))
    # The variables of this run's own environment and pytest are not for the other one.
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTEST_", "PYTHON"))
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=copy,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    setup = run("make", "setup-dev", f"PYTHON3={interpreter}")
    assert setup.returncode == 0, setup.stdout[-4000:]
    pytest_ = (".venv/bin/python", "-m", "pytest", "-q", "-m", "not slow and not thorough")
    done = run(*pytest_, *(f"tests/{room}" for room in ROOMS), *files)
    print(done.stdout[-8000:])
    assert done.returncode == 0, done.stdout[-8000:]
