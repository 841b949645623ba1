"""The progress that `monobase build` shows."""

from __future__ import annotations

import datetime
import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from workbench.drawing import draws, shortened
from workbench.monobase.fill import EnvironmentOutcome


class FillProgress:
    """A FillWatcher that shows environments on `to`: a bar on a terminal, and a line for each that ends.

    A context manager.
    """

    def __init__(self, total: int, *, to: TextIO | None = None) -> None:
        self._total = total
        self._console = Console(file=to or sys.stderr, highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._now: dict[str, None] = {}
        self._ended = 0

    def __enter__(self) -> FillProgress:
        if draws(self._console):
            columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, generation: str, environment: str) -> None:
        """Show an environment among those that are being made."""
        with self._lock:
            self._now[f"{generation}/{environment}"] = None
            self._draw()

    def end(self, outcome: EnvironmentOutcome) -> None:
        """Show how it went with an environment."""
        with self._lock:
            self._now.pop(f"{outcome.generation}/{outcome.environment}", None)
            self._ended += 1
            reason = f": {outcome.reason}" if outcome.reason else ""
            name = f"{outcome.generation}/{outcome.environment}"
            line = f"{self._ended:>3}/{self._total}  {name}  {outcome.status}{reason}"
            self.log(f"[{time.monotonic() - self._began:6.1f} s] {line}")
            self._draw()

    def log(self, text: str) -> None:
        """Show one line."""
        self._console.print(text)

    def _draw(self) -> None:
        if self._bar is not None:
            width = max(16, self._console.width - 48)
            text = shortened(", ".join(self._now) or "ending", width)
            self._bar.update(self._bar.task_ids[0], completed=self._ended, description=text)


class JsonProgress:
    """A FillWatcher that writes a line of JSON for each event: `begin`, `end` and `log`, with the time (UTC).

    A context manager.
    """

    def __init__(self, total: int, *, to: TextIO | None = None) -> None:
        self._total = total
        self._to = to or sys.stderr
        self._lock = threading.Lock()

    def __enter__(self) -> JsonProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        pass

    def begin(self, generation: str, environment: str) -> None:
        """Write that an environment is being made."""
        self._write("begin", {"generation": generation, "environment": environment, "total": self._total})

    def end(self, outcome: EnvironmentOutcome) -> None:
        """Write how it went with an environment."""
        self._write("end", {**asdict(outcome), "seconds": round(outcome.seconds, 3)})

    def log(self, text: str) -> None:
        """Write a message."""
        self._write("log", {"text": text})

    def _write(self, event: str, data: Mapping[str, object]) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        with self._lock:
            print(json.dumps({"time": now, "event": event, **data}), file=self._to, flush=True)
