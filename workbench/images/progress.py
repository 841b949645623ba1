"""What is shown while an image is built, and the log that keeps all of it. The only place that imports rich."""

from __future__ import annotations

import collections
import datetime
import os
import sys
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workbench.drawing import draws, shortened
from workbench.errors import WorkbenchError
from workbench.images.causes import CauseFinder
from workbench.images.parts import PartFinder
from workbench.images.step_times import StepTimes, remaining

DEFAULT_LOGS = "logs"
# How much of the log is shown when a step fails.
LAST_LINES = 20
# How much of an instruction is shown; the log has all of it.
_TITLE_WIDTH = 100
# After so many seconds without output the bar says for how long there was none.
_QUIET_SECONDS = 5
# What podman prints, and BuildKit's reporter after it, of a step that was built before.
_CACHED = ("--> Using cache", "--> cached")
# When all steps are done: podman writes the last layer and the image's description.
_COMMIT = "COMMIT"


class BuildProgress:
    """A Watcher that writes a log and shows the steps on `to`: a bar on a terminal, else a line a step.

    The number in brackets before a step is when it began, in seconds since the build did. `text` is the Containerfile
    that is built, which says what part of a recipe each step is. A context manager. `quiet` shows nothing. Raises
    WorkbenchError when the log cannot be written.
    """

    def __init__(
        self, title: str, logs: str = DEFAULT_LOGS, *, text: str = "", quiet: bool = False, to: TextIO | None = None
    ) -> None:
        self.title = title
        self.log = os.path.join(logs, f"{title}.{datetime.datetime.now():%Y%m%d-%H%M%S}.{os.getpid()}.log")
        self.last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self.causes = CauseFinder()
        self._quiet = quiet
        self._console = Console(file=to or sys.stderr, highlight=False, markup=False, soft_wrap=True)
        self._live: Live | None = None
        self._began = self._step_began = self._last_output = time.monotonic()
        self._number = self._total = 0
        self._current = self._part = self._instruction = ""
        self._cached = False
        self._parts = PartFinder(text)
        self._times = StepTimes()
        # The steps to come, each its part and its instruction: what is left of the expected time.
        self._waiting = PartFinder(text).steps()
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
            self._live = Live(
                console=self._console, get_renderable=self._drawn, transient=True, refresh_per_second=4,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        self._end_step("" if kind is None else "  not finished")
        self._file.close()
        self._times.keep()
        if not self.last:
            os.unlink(self.log)  # nothing began, so there is nothing to read

    def step(self, number: int, total: int, title: str) -> None:
        """Show that a step begins; on a terminal also the one before, with the time that it took."""
        self._end_step()
        if not self._instruction:
            self.show(f"log: {self.log}")
        self.causes.forget()
        self._number, self._total, self._instruction, self._cached = number, total, title, False
        part = self._parts.of(title)
        if part is not None and part.title != self._part:
            self._part = part.title
            self.show(part.title)
        if (self._part, title) in self._waiting:
            self._waiting.remove((self._part, title))
        self._current = f"[{self.seconds():6.1f} s] {number:>3}/{total}  {shortened(title, _TITLE_WIDTH)}"
        if self._live is None:
            # Without a bar the line is the only sign of life, so it comes when the step begins.
            self.show(self._current)

    def line(self, text: str) -> None:
        """Write one line of output to the log, and show it until the next one."""
        self.last.append(text)
        self.causes.read(text)
        self._cached = self._cached or text.startswith(_CACHED)
        self._last_output = time.monotonic()
        self._file.write(text + "\n")
        self._file.flush()

    def show(self, text: str) -> None:
        """Show one line of our own."""
        if not self._quiet:
            self._print(text)

    def stopping(self) -> None:
        """Show that an interrupt has come, and what the wait is for."""
        self._part = "stopping…"
        self.show("stopping…: what was begun is removed (Ctrl-C again ends it at once)")

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
        if self._current:
            took = now - self._step_began
            if not remark and not self._cached:
                self._times.took(self._part, self._instruction, took)
            if self._live is not None:
                end = remark or f"  {took:.1f} s"
                self._print(shortened(self._current, self._console.width - len(end)) + end)
        self._current, self._step_began = "", now

    def _drawn(self) -> RenderableType:
        """Return what is drawn below the lines: the part, the bar with the times, and the last line of output."""
        grid = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(self._total, 1), completed=max(self._number - 1, 0), width=24)
        grid.add_row(bar, f"{self._number}/{self._total}" if self._total else "", self._clock())
        width = self._console.width
        rows: list[RenderableType] = [Text(shortened(f" {self._doing()}", width)), grid]
        output = self.last[-1] if self.last else ""
        rows.append(Text(shortened(f"   {output.strip()}{self._silence()}", width), style="dim"))
        return Group(*rows)

    def _doing(self) -> str:
        if self.last and self.last[-1].startswith(_COMMIT):
            return "the image is written (commit)"
        return " · ".join(filter(None, (self._part, self._instruction))) or self.title

    def _clock(self) -> str:
        left = remaining(self._times, self._waiting)
        usual = self._times.of(self._part, self._instruction)
        if left is None or not self._instruction or (usual is None and self._instruction.startswith("RUN ")):
            return clock(self.seconds())
        left += max(0.0, (usual or 0.0) - (time.monotonic() - self._step_began))
        return f"{clock(self.seconds())} of about {clock(self.seconds() + left)}"

    def _silence(self) -> str:
        silent = time.monotonic() - self._last_output
        return f" · no output for {clock(silent)}" if self.last and silent >= _QUIET_SECONDS else ""

    def _print(self, text: str) -> None:
        self._console.print(text)


def clock(seconds: float) -> str:
    """Return a time as a clock shows it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
