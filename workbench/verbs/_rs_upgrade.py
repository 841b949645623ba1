"""`rs upgrade`: a set on a newer image, with what was changed in it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from workbench.verbs._progress import followed
from workbench.verbs._rs_queue import in_turn
from workbench.verbs._service import comes_up, report

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

_SHOWN = 20
_ANSWERS = {"m": "mine", "mine": "mine", "i": "image", "image": "image", "": "", "n": "", "no": ""}


def upgrade_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs upgrade`."""
    parser.description = (
        "The next version of the set begins with a newer image and has every file and package that was changed in the "
        "set. What both changed is asked for, or decided by --keep; `rs rollback` returns to the version before."
    )
    parser.add_argument("--image", default="", help="default: the one of the same recipe with the newest date")
    parser.add_argument(
        "--keep",
        choices=("mine", "image"),
        default="",
        help="what stands of what both changed: the set's (mine), with the image's beside it as .image, or the image's",
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what both changed")


def upgrade(client: Client, path: str, args: argparse.Namespace) -> int:
    """Upgrade the set; on a terminal ask what stands where both changed something."""
    body = {"imageName": args.image, "keep": args.keep}
    asks = not args.keep and not args.json and sys.stdin.isatty() and sys.stderr.isatty()
    if args.dry_run or asks:
        shown = client("PATCH", path, {**body, "dryRun": True})
        if args.dry_run:
            return report(args, shown, _text(shown))
        if shown["paths"] or shown["packages"]:
            print(_text(shown), file=sys.stderr)
            if not (keep := _answer()):
                print("nothing was changed", file=sys.stderr)
                return 0
            body["keep"] = keep
    with followed(client, args.name, args):
        data = in_turn(client, args.name, args, lambda: client("PATCH", path, body))
    lines = [comes_up(data["containerName"], data), f"its image is {data['imageName']}", *data["notes"]]
    return report(args, data, "\n".join(lines))


def _text(data: dict[str, Any]) -> str:
    """Return what an upgrade does, as people read it."""
    lines = [f"to {data['imageName']}"]
    if data["packages"]:
        lines += ["", "Packages that both changed:", *(f"  {_package(each)}" for each in data["packages"])]
    if data["paths"]:
        lines += ["", "Paths that both changed:"]
        lines += [f"  {each['path']}  {each['mine']} here, {each['image']} there" for each in data["paths"][:_SHOWN]]
        if (more := data["pathCount"] - _SHOWN) > 0:
            lines.append(f"  … and {more} more; --json lists a thousand")
    if data["shadowed"]:
        lines += ["", "Packages that stay as the set has them:", *(f"  {_package(each)}" for each in data["shadowed"])]
    if len(lines) == 1:
        lines.append("nothing that both changed: every change of the set goes along")
    return "\n".join(lines)


def _package(each: dict[str, str]) -> str:
    was, mine, image = (each[key] or "none" for key in ("was", "mine", "image"))
    return f"{each['name']}  {was} before, {mine} here, {image} there"


def _answer() -> str:
    """Ask what stands; "" for neither. The end of input is no answer, and ends it."""
    while True:
        print("Keep [m]ine, the [i]mage's, or change nothing [n]? [n] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            return ""
        if (word := line.strip().lower()) in _ANSWERS:
            return _ANSWERS[word]
        print("type m, i or n, and Enter; Enter alone changes nothing", file=sys.stderr)
