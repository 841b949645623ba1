"""Nothing that the tests start for a cluster outlives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import SHORT
from tests.kubernetes.supervised import supervised
from tests.kubernetes.supervisor import sweep

# A process of tests, which prints where its supervisor works, that one's number and a program's.
_TESTS = """
import time
from tests.kubernetes.supervised import supervised
with supervised() as programs:
    print(programs.folder, programs.process.pid, programs.start("sleep", "sleep", "100"), flush=True)
    time.sleep(100)
"""


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether the process is there and not only waiting for its parent to see that it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_it_started_ends_with_it_and_the_folder_is_gone() -> None:
    with supervised() as programs:
        pid = programs.start("shell", "sh", "-c", "echo here; exec sleep 100")
        until(lambda: programs.log("shell") == "here\n")
        assert runs(pid)
    assert not runs(pid) and not programs.folder.exists()


def test_a_program_that_is_waited_for_ends_with_its_own_ones() -> None:
    with supervised() as programs:
        programs.run("good", "sh", "-c", "echo $A in $PWD", folder=Path("/"), env={"A": "here"})
        assert programs.log("good") == "here in /\n"
        with pytest.raises(AssertionError, match="wrong\n"):
            programs.run("bad", "sh", "-c", "echo wrong; exit 3", folder=Path("/"), env={})
    script = """
from pathlib import Path
from tests.kubernetes.supervised import supervised
with supervised() as programs:
    print(programs.folder, flush=True)
    programs.run("deep", "sh", "-c", "sleep 100 & echo $!; wait", folder=Path("/"), env={})
"""
    tests = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    log = Path(tests.stdout.readline().strip()) / "deep.log"
    until(lambda: log.exists() and log.read_text().endswith("\n"))
    deep = int(log.read_text())
    assert runs(deep)
    tests.kill()
    tests.wait()
    until(lambda: not runs(deep) and not log.parent.exists())
    tests.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_tests_that_are_killed_or_interrupted(number: signal.Signals) -> None:
    tests = subprocess.Popen([sys.executable, "-c", _TESTS], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    folder, supervisor, pid = tests.stdout.readline().split()
    assert runs(int(supervisor)) and runs(int(pid))
    tests.send_signal(number)
    tests.wait()
    until(lambda: not runs(int(supervisor)) and not runs(int(pid)) and not Path(folder).exists())
    tests.stdout.close()


def test_programs_end_with_a_supervisor_that_is_killed_and_the_next_one_removes_its_folder() -> None:
    with supervised() as programs:
        pid = programs.start("sleep", "sleep", "100")
        os.kill(programs.process.pid, signal.SIGKILL)
        programs.process.wait()
        until(lambda: not runs(pid))
        assert programs.folder.exists()
        with supervised() as others:
            assert not programs.folder.exists()
            sweep(Path(SHORT))
            assert others.folder.exists()
