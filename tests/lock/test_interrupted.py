"""Locking that is ended in the middle leaves the old lock or a whole one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below
from tests.lock.test_pipenv import FOLDER, PIPFILE
from workbench.lock.pipenv import is_current

# Ends itself as kill -9 does, once the first of the files is in place.
KILLED_BETWEEN = """\
import os, sys
def replace(old, new, replace=os.replace):
    replace(old, new)
    os.kill(os.getpid(), 9)
os.replace = replace
from workbench.cli import main
main(sys.argv[1:])
"""

# Is interrupted while its first pipenv works, before it knows more of that than the pool does.
INTERRUPTED_EARLY = """\
import glob, os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
def submit(self, *work, submit=ThreadPoolExecutor.submit):
    task = submit(self, *work)
    while not glob.glob(os.environ["TMPDIR"] + "/workbench-pipenv-*"):
        time.sleep(0.01)
    signal.raise_signal(signal.SIGINT)
    return task
ThreadPoolExecutor.submit = submit
from workbench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(catalogue: Path, scratch: Path, *program: str) -> subprocess.Popen[bytes]:
    """Lock `catalogue` in a process group of its own, with temporary files in `scratch`."""
    scratch.mkdir()
    script = '. workbench/lock/index-url.sh && exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, *program, "lock", "--jobs=1", "--catalog", str(catalogue)]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_while_pipenv_works_nothing_is_changed_and_no_other_begins(tmp_path: Path, number: int) -> None:
    folders = [f"bundles/{bundle}/{FOLDER}" for bundle in ("2-new", "3-other", "4-more")]
    catalogue = make_catalogue(tmp_path, {f"{folder}/Pipfile": PIPFILE for folder in folders})
    before = files_below(catalogue)
    running = start(catalogue, tmp_path / "scratch", "wizard.py")
    try:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "scratch").glob("workbench-pipenv-*")):
            assert time.monotonic() < deadline
            assert running.poll() is None, "it ended before it was interrupted"
            time.sleep(0.02)
    finally:
        os.killpg(running.pid, number)
    code = running.wait(timeout=60)
    assert code == (-9 if number == signal.SIGKILL else 130)
    after = files_below(catalogue)
    assert {path: after[path] for path in before} == before
    # On a busy machine the first may be done when the signal comes: then it is whole, and the last never begins.
    made = {folder: len([path for path in after if path.startswith(folder)]) - 1 for folder in folders}
    # The sizes of its packages come after it, or with the next run.
    assert set(made.values()) <= {0, 3, 4} and made[folders[-1]] == 0, made


def test_interrupted_when_its_first_pipenv_has_just_begun(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": PIPFILE})
    before = files_below(catalogue)
    assert start(catalogue, tmp_path / "scratch", "-c", INTERRUPTED_EARLY).wait(timeout=60) == 130
    assert files_below(catalogue) == before


@pytest.mark.thorough
def test_ended_between_two_files_the_lock_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": PIPFILE})
    folder = catalogue / "bundles/2-new" / FOLDER
    running = start(catalogue, tmp_path / "scratch", "-c", KILLED_BETWEEN)
    assert running.wait(timeout=300) == -9
    assert sorted(files_below(folder)) == ["Pipfile", "requirements.txt"]
    assert not is_current(str(folder))
