"""`--wait`: GPUs that are busy are waited for in turn; and `rs queue`, `rs cancel`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.table import columns
from workbench.verbs._service import report

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

_TITLES = ("NAME", "GPUS", "OWNER", "SINCE", "AHEAD")
_DAY = 86_400.0


def turn_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for waiting until GPUs are free."""
    parser.add_argument("--wait", action="store_true", help="when GPUs are busy, wait for your turn; Ctrl-C ends that")
    parser.add_argument(
        "--timeout", type=float, default=_DAY, metavar="SECONDS", help="how long --wait waits at most (a day)"
    )


def in_turn(client: Client, name: str, args: argparse.Namespace, send: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Return what `send` does; with --wait and too few free GPUs, do it when it is the set's turn.

    Raises what `send` raises, and WorkbenchError when the turn does not come, or is cancelled.
    """
    from workbench.replicasets.client import ServiceError, part

    until = time.monotonic() + args.timeout
    gpus, data = _sent(send, args.wait)
    # Whoever was at it when this one lined up may have taken what was free then: that is rare, and it lines up again.
    while gpus:
        shown = _Shown(name, gpus, args.quiet or args.json)
        seconds = max(until - time.monotonic(), 0)
        try:
            with closing(client.lines(f"/queue/{part(name)}/turn", gpus=gpus, seconds=seconds)) as lines:
                for line in lines:
                    if "code" in line:
                        raise ServiceError(line["msg"], line["code"], 409, line.get("hint", ""))
                    if line["called"]:
                        break
                    shown.show(line)
                else:
                    raise WorkbenchError("the service broke the wait off", hint="is it being restarted? Try again")
                shown.end()
                # While the response is open, what is free is kept for this set.
                gpus, data = _sent(send, args.wait)
        finally:
            shown.end()
    return data


def _sent(send: Callable[[], Any], waits: bool) -> tuple[int, Any]:
    """Return 0 and what `send` returns, or how many GPUs to wait for."""
    from workbench.replicasets.client import ServiceError

    try:
        return 0, send()
    except ServiceError as error:
        if not waits or not error.gpus:
            raise
        return error.gpus, None


class _Shown:
    """Shows a place in the queue on stderr: on a terminal in one line, else a line whenever it is another one."""

    def __init__(self, name: str, gpus: int, quiet: bool) -> None:
        self._name, self._gpus, self._quiet = name, gpus, quiet
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"

    def show(self, line: dict[str, Any]) -> None:
        if self._quiet:
            return
        ahead = {0: "it is next", 1: "1 is ahead"}.get(line["ahead"], f"{line['ahead']} are ahead")
        gpus = "a GPU" if self._gpus == 1 else f"{self._gpus} GPUs"
        text = f"{self._name}: waits for {gpus}, {line['free']} free; {ahead}"
        print(f"\r\x1b[K{text}" if self._live else text, end="" if self._live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._live and not self._quiet:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def queue(client: Client, args: argparse.Namespace) -> int:
    """Show who waits for GPUs, next first."""
    data = client("GET", "/queue")
    rows = [
        (
            each["name"],
            str(each["gpus"]),
            each["owner"],
            each["since"],
            "called" if each["called"] else str(each["ahead"]),
        )
        for each in data["waiting"]
    ]
    text = columns(_TITLES, rows) if rows else f"nobody waits for GPUs; {data['free']} are free"
    return report(args, data, text)


def cancel(client: Client, args: argparse.Namespace) -> int:
    """Have a set wait no more."""
    from workbench.replicasets.client import part

    return report(args, client("DELETE", f"/queue/{part(args.name)}"), f"{args.name} waits no more")
