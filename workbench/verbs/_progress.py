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

# Steps that are over before we ask again are shown all the same: the answer has all of them.
_SECONDS = 0.1


class Steps:
    """Shows each step of the operations on the set `name` once, in order."""

    def __init__(self, name: str) -> None:
        self._name, self._live = name, sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._seen: dict[str, Any] = {}

    def show(self, found: dict[str, Any] | None) -> None:
        """Show how far it is now."""
        if found is None:
            return
        same = found["operation"] == self._seen.get("operation") and found["at"] >= self._seen["at"]
        for at in range(self._seen["at"] + 1 if same else 1, found["at"] + 1):
            self._say(found, at)
        self._seen = found

    def end(self, well: bool) -> None:
        """Show the steps that were too quick to be seen, if all were done; leave the terminal as it was."""
        if well and self._seen:
            self.show({**self._seen, "at": len(self._seen["steps"])})
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _say(self, found: dict[str, Any], at: int) -> None:
        text = f"{self._name}: {found['operation']} {at}/{len(found['steps'])} {found['steps'][at - 1]}"
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

    def look() -> None:
        while not over.wait(_SECONDS):
            try:
                steps.show(client("GET", f"/replicaSet/{part(name)}/operation"))
            except WorkbenchError:
                pass  # not there yet, or not any more: what is wrong, the operation's own answer says

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    well = False
    try:
        yield
        well = True
    finally:
        over.set()
        thread.join()
        steps.end(well)
