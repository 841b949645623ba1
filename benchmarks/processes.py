"""Measuring whole processes by the CPU time that they and their children take."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# The command that is measured.
WIZARD = (sys.executable, str(Path(__file__).parent.parent / "wizard.py"))

Command = Callable[[int], Sequence[str]]


def cpu_seconds(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Run `command` to its end and return the CPU seconds (user and system) it took with its children.

    Raises CalledProcessError when it fails: a failed run measures nothing.
    """
    # Whoever measures may have turned Python's bytecode off; a user has not.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, check=True, env={**environment, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(commands: Mapping[str, Command], rounds: int) -> dict[str, float]:
    """Return the least CPU seconds of each command, run in turns so that a busy moment hits all alike.

    A command is made anew for each turn, from its number.

    The least, because what else the machine does can only add to it.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        cpu_seconds(command(0))  # once unmeasured: bytecode and file caches
    for turn in range(1, rounds + 1):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command(turn)))
    return {name: min(found) for name, found in times.items()}
