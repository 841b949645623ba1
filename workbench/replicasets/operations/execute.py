"""Running a program in a set's current version, within limits of time and of output."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.replicasets import checks, containers
from workbench.replicasets.engines.protocol import RunningProgram
from workbench.replicasets.errors import Conflict, Invalid, ReplicaSetError
from workbench.replicasets.records import find_version
from workbench.replicasets.requests import ExecuteRequest
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, Version
from workbench.replicasets.world import World

LONGEST_SECONDS = 3600.0
MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Executed:
    """The result of a program: its output (both streams, as they came), its exit code, and why it was ended.

    `exit_code` is -1 when it was ended for its time (`timed_out`) or its output (`cut`).
    """

    stdout: str
    exit_code: int
    timed_out: bool = False
    cut: bool = False


class Execution:
    """A program that runs: iterate over it once for its output, then read `exit_code`, `timed_out`, `cut`.

    It is ended, with all that it started, when its time is over, when it wrote more than it may, and
    when `close` is called before its end.
    """

    def __init__(self, running: RunningProgram, seconds: float, most: int) -> None:
        self._running, self._most = running, most
        self.exit_code, self.timed_out, self.cut = -1, False, False
        self._ended = False
        self._deadline = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._over)
        self._timer.daemon = True
        self._timer.start()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1 or 2, bytes) as the program writes."""
        left = self._most
        try:
            for stream, piece in self._running:
                if piece[:left]:
                    yield stream, piece[:left]
                left -= len(piece)
                if left < 0:
                    self.cut = True
                    return
            self._ended = True
            if not self.timed_out:
                self.exit_code = self._running.exit_code()
        finally:
            self.close()

    def close(self) -> None:
        """End the program if it still runs, and stop listening to it."""
        self._timer.cancel()
        try:
            if not self._ended:
                self._running.kill()
        finally:
            self._running.close()

    def _over(self) -> None:
        self.timed_out = True
        try:
            self._running.kill()
        except ReplicaSetError:
            pass  # the engine is gone: its stream ends with an error for the reader


def execute(world: World, name: str, request: ExecuteRequest, caller: Caller) -> Execution:
    """See ReplicaSets.stream."""
    checks.set_name(name)
    words = checks.command(request.command)
    if not words:
        raise Invalid("there is no command to execute")
    folder = workdir(request.workdir)
    if not 0 < request.seconds <= LONGEST_SECONDS or not 0 < request.max_bytes <= MOST_BYTES:
        raise Invalid(f"at most {LONGEST_SECONDS:g} seconds and {MOST_BYTES} bytes")
    version = running_version(world, name, caller)
    running = world.engine.execute(version.container, words, folder)
    return Execution(running, request.seconds, request.max_bytes)


def running_version(world: World, name: str, caller: Caller) -> Version:
    """Return the current version of a set that is the caller's; raises Conflict unless its container runs."""
    current = own_set(world.store, name, caller)
    version = find_version(world.store, current, current.current)
    found = containers.find(world, version)
    if found.state != "running":
        raise Conflict(
            f"{name} is not running: its container is {found.state}", hint=f"`rs continue` or `rs restart {name}`"
        )
    return version


def workdir(text: str) -> str:
    """Return a working directory, checked; raises Invalid."""
    if not text.startswith("/") or "\x00" in text or len(text) > 4096:
        raise Invalid(f"{text[:60]!r} is not a working directory", hint="an absolute path inside the container")
    return text


def collected(execution: Execution) -> Executed:
    """Return what a program wrote, once it has ended."""
    text = b"".join(piece for _, piece in execution).decode(errors="replace")
    return Executed(text, execution.exit_code, execution.timed_out, execution.cut)
