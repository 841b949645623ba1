"""`rs logs`: what a set writes."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

_TAIL = 1000


def logs_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs logs`."""
    parser.add_argument("--follow", "-f", action="store_true", help="go on until its container ends, or Ctrl-C")
    parser.add_argument("--tail", type=int, default=_TAIL, metavar="N", help=f"the last N lines ({_TAIL})")
    parser.add_argument("--since", default="", metavar="TIME", help="90s, 10m, 2h, 1d ago, or 2026-11-30T14:00:00Z")
    parser.add_argument("--version", type=int, default=0, metavar="N", help="a former version, while podman has it")


def logs(client: Client, path: str, args: argparse.Namespace) -> int:
    """Print what the set wrote, each stream to its own; with --json a line of JSON for each piece."""
    params = {"tail": args.tail, "since": args.since, "version": args.version, "follow": args.follow}
    for line in client.lines(f"{path}/logs", method="GET", stream=True, **params):
        if "text" in line:
            if args.json:
                print(json.dumps(line), flush=True)
            else:
                show(line)
        elif "msg" in line:
            raise WorkbenchError(line["msg"])
        else:
            if args.json:
                print(json.dumps(line), flush=True)
            if line["cut"]:
                print("that is as much as one request returns; --since or --tail choose from it", file=sys.stderr)
            if line["ended"]:
                print(f"ended: {line['ended']}", file=sys.stderr)
            return int(bool(line["ended"]))
    print("the service ended the stream", file=sys.stderr)
    return 1


def show(line: dict[str, Any]) -> None:
    """Print a piece of output where it was written to."""
    out = sys.stdout if line["stream"] == 1 else sys.stderr
    out.write(line["text"])
    out.flush()
