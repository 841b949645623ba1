"""`rs logs`, `rs wait` and `rs diff`: what a set writes, what becomes of it, and what changed in it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

_TAIL = 1000
# Exit codes of `rs wait` beside 0, and how long one request waits.
NEVER, NOT_YET = 4, 5
_ROUND = 60.0


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


def wait_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs wait`."""
    parser.description = (
        f"Exit codes: 0 when it holds, {NEVER} when it never will by itself, {NOT_YET} when it did not in time. "
        "Ready is running, with something that accepts connections behind each published TCP port."
    )
    parser.add_argument("--for", dest="goal", choices=("running", "ready", "stopped"), default="running")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="how long to wait (600)")


def wait(client: Client, path: str, args: argparse.Namespace) -> int:
    """Wait until the set is what is waited for; return 0, NEVER or NOT_YET."""
    from workbench.verbs._service import report

    until = time.monotonic() + args.timeout
    while True:
        left = max(until - time.monotonic(), 0)
        data = client("GET", f"{path}/wait", **{"for": args.goal, "seconds": round(min(left, _ROUND), 3)})
        if data["holds"]:
            return report(args, data, f"{args.name} is {args.goal}")
        if data["never"] or left <= _ROUND:
            why = "never by itself" if data["never"] else f"not in {args.timeout:g} seconds"
            report(args, data, f"{why}: {data['reason']}")
            return NEVER if data["never"] else NOT_YET


def diff_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs diff`."""
    parser.add_argument("old", type=int, metavar="VERSION")
    parser.add_argument("new", type=int, metavar="VERSION")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="show at most N files (1000)")


def diff(client: Client, path: str, args: argparse.Namespace) -> int:
    """Print what changed from one version to another: packages, then files."""
    from workbench.replicasets.archives import shown
    from workbench.replicasets.quantities import about
    from workbench.table import columns
    from workbench.verbs._service import report

    data = client("GET", f"{path}/compare", **{"from": args.old, "to": args.new, "limit": args.limit})
    lines = []
    if data["packages"]:
        packages = [(p["change"], p["kind"], p["name"], _step(p["before"], p["after"])) for p in data["packages"]]
        lines += [columns(("CHANGE", "KIND", "PACKAGE", "VERSION"), packages), ""]
    if data["files"]:
        sizes = [_step(*("" if f[at] is None else about(f[at]) for at in ("before", "after"))) for f in data["files"]]
        rows = [(f["change"], size, shown(f["path"])) for f, size in zip(data["files"], sizes, strict=True)]
        lines += [columns(("CHANGE", "BYTES", "FILE"), rows), ""]
    total = data["added"] + data["changed"] + data["removed"]
    if len(data["files"]) < total:
        lines.append(f"{total - len(data['files'])} more: --limit {total}")
    grown = data["bytes"]
    more = "" if grown is None else f"; {about(abs(grown))} {'less' if grown < 0 else 'more'}"
    lines.append(f"{data['added']} added, {data['changed']} changed, {data['removed']} removed{more}")
    return report(args, data, "\n".join([*lines, *data["notes"]]))


def _step(before: str, after: str) -> str:
    return f"{before} -> {after}" if before and after and before != after else after or before


def show(line: dict[str, Any]) -> None:
    """Print a piece of output where it was written to."""
    out = sys.stdout if line["stream"] == 1 else sys.stderr
    out.write(line["text"])
    out.flush()
