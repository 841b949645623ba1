"""What is shown while an image is built, and the log that keeps all of it. The only place that imports rich."""

from __future__ import annotations

import collections
import datetime
import os
import sys
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from workbench.errors import WorkbenchError

DEFAULT_LOGS = "logs"
# How much of the log is shown when a step fails.
LAST_LINES = 20
# How much of an instruction is shown; the log has all of it.
_TITLE_WIDTH = 100


class BuildProgress:
    """A Watcher that writes a log and shows the steps on `to`: a bar on a terminal, else a line a step.

    A context manager. `quiet` shows nothing. Raises WorkbenchError when the log cannot be written.
    """

    def __init__(self, title: str, logs: str = DEFAULT_LOGS, *, quiet: bool = False, to: TextIO | None = None) -> None:
        self.title = title
        self.log = os.path.join(logs, f"{title}.{datetime.datetime.now():%Y%m%d-%H%M%S}.{os.getpid()}.log")
        self.last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._quiet = quiet
        self._console = Console(file=to or sys.stderr, highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._began = self._step_began = time.monotonic()
        self._current = ""
        try:
            os.makedirs(logs, exist_ok=True)
            self._file = open(self.log, "w", encoding="utf-8")  # noqa: SIM115 - open as long as this is entered
        except OSError as error:
            raise WorkbenchError(
                f"the log cannot be written: {error.strerror}",
                where=self.log,
                hint="name another folder with --log-dir",
            ) from None

    def __enter__(self) -> BuildProgress:
        if not self._quiet and draws(self._console):
            columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task(self.title, total=None)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._end_step("" if kind is None else "not finished: ")
        self._file.close()
        if not self.last:
            os.unlink(self.log)  # nothing began, so there is nothing to read

    def step(self, number: int, total: int, title: str) -> None:
        """Show that a step begins, and the one before with the time it took."""
        self._end_step()
        self._current = f"{number:>3}/{total}  {shortened(title, _TITLE_WIDTH)}"
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=number - 1, total=total, description=shortened(title, self._room()))
        elif not self._quiet:
            # Without a bar the line is the only sign of life, so it comes when the step begins.
            self._print(f"[{self.seconds():6.1f} s] {self._current}")

    def line(self, text: str) -> None:
        """Write one line of output to the log."""
        self.last.append(text)
        self._file.write(text + "\n")
        self._file.flush()

    def show(self, text: str) -> None:
        """Show one line of our own."""
        if not self._quiet:
            self._print(text)

    def stopping(self) -> None:
        """Show that an interrupt has come, and what the wait is for."""
        self.show("stopping…: what was begun is removed (Ctrl-C again ends it at once)")
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description="stopping…")

    def show_failure(self) -> None:
        """Show the last lines of the log, and where the whole of it is."""
        if self._quiet:
            return
        self._print(f"the last {len(self.last)} lines of {self.log}:")
        for line in self.last:
            self._print(f"  | {line}")

    def seconds(self) -> float:
        """Return how long ago this began."""
        return time.monotonic() - self._began

    def _end_step(self, remark: str = "") -> None:
        now = time.monotonic()
        if self._current and self._bar is not None:
            line = f"[{now - self._step_began:6.1f} s] {remark}{self._current}"
            self._print(shortened(line, self._console.width))
        self._current, self._step_began = "", now

    def _print(self, text: str) -> None:
        self._console.print(text)

    def _room(self) -> int:
        # What the bar (24), the count, the time and the spaces between them leave for the text.
        return max(16, self._console.width - 24 - 24)


def draws(console: Console) -> bool:
    """Return whether a bar can be drawn: on a terminal that moves its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def shortened(text: str, width: int) -> str:
    """Return `text` cut to `width` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"
