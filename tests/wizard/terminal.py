"""A real pseudo-terminal: a program runs in it, keys go in, and the screen is read as a person reads it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pexpect
import pyte

from tests.catalogues import REPOSITORY

UP, DOWN, ENTER, ESCAPE, BACKSPACE = "\x1b[A", "\x1b[B", "\r", "\x1b", "\x7f"
CTRL_C, CTRL_D, CTRL_U, PAGE_UP, PAGE_DOWN = "\x03", "\x04", "\x15", "\x1b[5~", "\x1b[6~"

# A machine under load is slow; only a test that fails waits this long.
PATIENCE = 60.0


class Terminal:
    """`wizard.py` with `arguments` in a terminal of `columns` by `rows`.

    It runs in `folder`, which is its home too; `under` is a command that runs it.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str | Path,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "TERM": "xterm-256color"}
        self.raw = ""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        command = [*under, sys.executable, str(REPOSITORY / "wizard.py"), *map(str, arguments)]
        self._child = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(folder),
            env={**kept, **home, **(env or {})},
            dimensions=(rows, columns),
            encoding="utf-8",
            # Ctrl-C drops what is on its way to the screen, in the middle of a character too.
            codec_errors="replace",
        )
        self._child.delaybeforesend = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close(force=True)

    @property
    def screen(self) -> pyte.Screen:
        """The screen as it is now, with its colours."""
        return self._screen

    @property
    def text(self) -> str:
        """What the screen shows, without the blanks at the ends."""
        return "\n".join(line.rstrip() for line in self._screen.display).strip("\n")

    @property
    def flat(self) -> str:
        """What the screen shows, with its lines joined: a narrow screen breaks what is looked for."""
        return " ".join(" ".join(self._screen.display).split())

    def see(self, *wanted: str) -> Terminal:
        """Wait until the screen shows all of `wanted`."""
        self._wait(lambda: all(text in self.flat for text in wanted), f"waiting for {wanted}")
        return self

    def shows(self, whole: str) -> Terminal:
        """Wait until the screen shows `whole` and nothing else: a screen may arrive in parts."""
        self._wait(lambda: self.text == whole, f"waiting for exactly\n{whole}\n")
        return self

    def settled(self) -> Terminal:
        """Wait until nothing is drawn for half a second."""
        quiet = time.monotonic()
        while time.monotonic() - quiet < 0.5:
            try:
                got = self._child.read_nonblocking(size=65536, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            quiet = time.monotonic()
            self.raw += got
            self._stream.feed(got)
        return self

    def change(self, before: str) -> Terminal:
        """Wait until the screen does not show `before` any more."""
        self._wait(lambda: self.text != before, "waiting for a change")
        return self

    def press(self, *keys: str) -> Terminal:
        """Send keys, one write each."""
        for key in keys:
            self._child.send(key)
        return self

    def interrupt(self) -> None:
        """Send SIGINT, as another program would."""
        self._child.kill(signal.SIGINT)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def end(self) -> int:
        """Wait until the program ends, and return its exit code."""
        self._wait(lambda: False, "waiting for the end", until_end=True)
        self._child.close()
        assert self._child.exitstatus is not None, f"ended by signal {self._child.signalstatus}"
        return int(self._child.exitstatus)

    def _wait(self, holds: Callable[[], bool], what: str, until_end: bool = False) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"{what}; the screen shows:\n{self.text}"
            try:
                got = self._child.read_nonblocking(size=65536, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert until_end, f"{what}, and it ended; the screen shows:\n{self.text}"
                return
            self.raw += got
            self._stream.feed(got)
