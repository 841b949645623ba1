"""Starts the programs of a cluster, and ends them all when its own input ends: with the tests, however those end.

    python -m tests.kubernetes.supervisor FOLDER

A line of input is a program to start: {"name": …, "command": […], "folder": …, "env": {…}, "wait": false}. The line of
output is its number, or with `wait` how it ended. What it prints is in FOLDER/NAME.log. The folder, and all in it, is
removed at the end.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

# Of prctl(2): the signal that a process gets when the one that started it has ended.
_PR_SET_PDEATHSIG = 1
_PREFIX = "workbench-kubernetes-"
_LOCK = "in-use"


def main(folder: Path) -> None:
    """Do what the input says, until it ends."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    with _held(folder):
        started = []
        try:
            for line in sys.stdin:
                job = json.loads(line)
                started.append(_start(job, folder / f"{job['name']}.log"))
                print(_end_of(started[-1]) if job["wait"] else started[-1].pid, flush=True)
        finally:
            # The last first: a program of those before it would complain, and wait.
            for process in reversed(started):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders of supervisors that were killed themselves: nobody holds their locks."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


def _held(folder: Path) -> IO[str]:
    """Return the lock of the folder; it has its name from the moment on at which it is held."""
    new = folder / f".{_LOCK}"
    file = new.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    new.rename(folder / _LOCK)
    return file


def _start(job: Mapping[str, Any], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(
            job["command"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=job["folder"],
            env={**os.environ, **job["env"]},
            preexec_fn=_end_with_this_process,
        )


def _end_of(process: subprocess.Popen[bytes]) -> int:
    """Return how the process ended; one that still runs when the input ends is killed with all others."""
    while process.poll() is None:
        # There is nothing to read before the response, but the end.
        if select.select([sys.stdin], [], [], 0.1)[0]:
            raise EOFError
    return process.returncode


def _end_with_this_process() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    # A Ctrl-C at the terminal is for the tests; and what it starts itself is of its group.
    os.setsid()


if __name__ == "__main__":
    with suppress(EOFError, BrokenPipeError):
        main(Path(sys.argv[1]))
