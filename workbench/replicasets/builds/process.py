"""One build: a child process without a shell, the steps that it names, its log in a file of a bounded size."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

# How long a build has to end after SIGINT before it is killed with all that it started.
GRACE_SECONDS = 20.0
MOST_LOG = 16 << 20
_PIECE = 65536
_LOOK_SECONDS = 0.5
_STEP = re.compile(rb"^\[([0-9]{1,3})/([0-9]{1,3})\] (.{1,300})$")
_CUT = b"\n[the rest of the log is not kept]\n"


class BuildProcess:
    """A command that runs in a process group of its own; its log is `log` in `folder`."""

    def __init__(self, command: Sequence[str], folder: str, step: Callable[[str, int, int], None]) -> None:
        self.log = os.path.join(folder, "log")
        self._command, self._folder, self._step = command, folder, step
        self._lock, self._cancelled = threading.Lock(), False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> tuple[int, str]:
        """Run it to its end; return its exit status (of a signal: negative) and the last line of its stdout."""
        output = os.path.join(self._folder, "stdout")
        with open(output, "wb") as stdout, open(self.log, "ab", buffering=0) as log:
            with self._lock:
                if self._cancelled:
                    return -signal.SIGINT, ""
                self._child = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    cwd=self._folder,
                    start_new_session=True,
                )
            self._copy(log.write)
            code = self._child.wait()
        with open(output, "rb") as stdout:
            lines = stdout.read(_PIECE).decode(errors="replace").split("\n")
        return code, next((line.strip() for line in reversed(lines) if line.strip()), "")

    def cancel(self) -> None:
        """Have it end, with all that it started; returns at once."""
        with self._lock:
            self._cancelled = True
            child = self._child
        if child is None or child.poll() is not None:
            return
        self._signal(child, signal.SIGINT)
        killing = threading.Timer(GRACE_SECONDS, self._signal, (child, signal.SIGKILL))
        killing.daemon = True
        killing.start()

    def _signal(self, child: subprocess.Popen[bytes], number: int) -> None:
        if child.poll() is None:
            # The group's leader is not waited for yet, so the number is still its own.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)

    def _copy(self, write: Callable[[bytes], object]) -> None:
        """Copy stderr into the log, and name each step as its line comes."""
        assert self._child is not None and self._child.stderr is not None
        kept, rest = 0, b""
        while piece := os.read(self._child.stderr.fileno(), _PIECE):
            if kept < MOST_LOG:
                write(piece)
                kept += len(piece)
                if kept >= MOST_LOG:
                    write(_CUT)
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-_PIECE:]
            for line in lines:
                if match := _STEP.match(line):
                    self._step(match[3].decode(errors="replace"), int(match[1]), int(match[2]))
        self._child.stderr.close()


class BuildLog:
    """A log as it grows, until the build is over: iterate over it for (1, bytes); `close` ends it from any thread."""

    def __init__(self, path: str, is_over: Callable[[], bool]) -> None:
        self._path, self._is_over, self._closed = path, is_over, threading.Event()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is written."""
        with open(self._path, "rb") as log:
            while not self._closed.is_set():
                over = self._is_over()
                if piece := log.read(_PIECE):
                    yield 1, piece
                elif over:
                    return
                else:
                    self._closed.wait(_LOOK_SECONDS)

    def close(self) -> None:
        """End it."""
        self._closed.set()
