"""Measuring whole processes by the CPU time that they and their children take."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
from collections.abc import Mapping, Sequence


def cpu_seconds(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Run `command` to its end and return the CPU seconds (user and system) it took with its children.

    Raises CalledProcessError when it fails: a failed run measures nothing.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, check=True, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each command, run in turns so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for name, command in commands.items():
        cpu_seconds(command)  # once unmeasured: bytecode and file caches
        times[name] = []
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command))
    return {name: statistics.median(found) for name, found in times.items()}
