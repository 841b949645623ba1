"""What is shown of an operation while the service does it: a line on a terminal, else a line a step; on stderr."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

# Steps that are over before the next request are shown all the same: the response has all of them.
_SECONDS = 0.1


class Steps:
    """Shows each step of the operations on the set `name` once, in order."""

    def __init__(self, name: str) -> None:
        self._name, self._live = name, sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._shown: dict[str, Any] = {}

    def show(self, progress: dict[str, Any] | None) -> None:
        """Show how far it is now."""
        if progress is None:
            return
        same = progress["operation"] == self._shown.get("operation") and progress["at"] >= self._shown["at"]
        for at in range(self._shown["at"] + 1 if same else 1, progress["at"] + 1):
            self._print(progress, at)
        self._shown = progress

    def end(self, well: bool) -> None:
        """Show the steps that were too quick for it, if all were done; leave the terminal as it was."""
        if well and self._shown:
            self.show({**self._shown, "at": len(self._shown["steps"])})
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _print(self, progress: dict[str, Any], at: int) -> None:
        text = f"{self._name}: {progress['operation']} {at}/{len(progress['steps'])} {progress['steps'][at - 1]}"
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


@contextmanager
def followed(client: Client, name: str, args: argparse.Namespace) -> Iterator[None]:
    """Show what is done to the set while the body waits for it; nothing with --quiet or --json."""
    if args.quiet or args.json:
        yield
        return
    from workbench.replicasets.client import part

    steps, over = Steps(name), threading.Event()

    def poll() -> None:
        while not over.wait(_SECONDS):
            try:
                steps.show(client("GET", f"/replicaSet/{part(name)}/operation"))
            except WorkbenchError:
                pass  # not begun yet, or over: what is wrong is in the operation's own response

    thread = threading.Thread(target=poll, name="progress", daemon=True)
    thread.start()
    well = False
    try:
        yield
        well = True
    finally:
        over.set()
        thread.join()
        steps.end(well)
