"""Running a program in a set's current version with a client's input, on a terminal or not, for as long as both are."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator

from workbench.replicasets import checks
from workbench.replicasets.engines.capabilities import AttachedProgram, Attaching, require
from workbench.replicasets.errors import EngineError, Invalid
from workbench.replicasets.operations.execute import running_version, workdir
from workbench.replicasets.requests import AttachRequest
from workbench.replicasets.values import Caller
from workbench.replicasets.world import World

# What runs when no command is given: whichever shell is there.
SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")
_KILLED = 128 + signal.SIGKILL
_NOTED_SECONDS, _LOOK_SECONDS = 2.0, 0.1
LARGEST_SIDE = 10_000
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


class Attached:
    """A program that is given input: iterate over it once for its output, then read `outcome`.

    It is ended, with all that it started, when `close` is called before its end.
    """

    def __init__(self, program: AttachedProgram, runs: Callable[[], bool]) -> None:
        self._program, self._runs = program, runs
        self._ended = False
        self.write, self.end_input, self.resize = program.write, program.end_input, program.resize

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1 or 2, bytes) as the program writes; all of it is 1 on a terminal."""
        yield from self._program

    def outcome(self) -> int | None:
        """Return the exit code of the program, which wrote all; None when its container ended with it."""
        try:
            code = self._program.exit_code()
        except EngineError:
            if self._runs():
                raise
            code = _KILLED
        self._ended = True
        # A container's end kills all in it: the engine notes that of the container a moment later.
        deadline = time.monotonic() + (_NOTED_SECONDS if code == _KILLED else 0.0)
        while self._runs():
            if time.monotonic() >= deadline:
                return code
            time.sleep(_LOOK_SECONDS)
        return None

    def close(self) -> None:
        """End the program if it still runs, and stop listening to it; from any thread."""
        try:
            if not self._ended:
                self._program.kill()
        finally:
            self._program.close()


def attach(world: World, name: str, request: AttachRequest, caller: Caller) -> Attached:
    """See ReplicaSets.attach."""
    checks.set_name(name)
    words = checks.command(request.command) or SHELL
    folder = workdir(request.workdir) if request.workdir else ""
    terminal = request.terminal
    if terminal is not None:
        if not _TYPE.fullmatch(terminal.type):
            raise Invalid(f"{terminal.type[:60]!r} is no type of terminal", hint="TERM=xterm-256color")
        size(terminal.rows, terminal.columns)
    engine = require(world.engine, Attaching)
    version = running_version(world, name, caller)

    def runs() -> bool:
        found = world.engine.container(version.container)
        return found is not None and found.is_alive

    return Attached(engine.attach(version.container, words, folder, terminal), runs)


def size(rows: int, columns: int) -> tuple[int, int]:
    """Return the size of a terminal, checked; raises Invalid."""
    if not 0 < rows <= LARGEST_SIDE or not 0 < columns <= LARGEST_SIDE:
        raise Invalid(f"a terminal has 1 to {LARGEST_SIDE} rows and columns")
    return rows, columns


def may_attach(world: World, name: str, caller: Caller) -> None:
    """Raise what `attach` would for a set that is not there, is not the caller's, or does not run."""
    checks.set_name(name)
    require(world.engine, Attaching)
    running_version(world, name, caller)
