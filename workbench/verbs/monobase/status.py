"""`monobase status`: show what a prefix holds."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EXIT_OK
from workbench.table import columns
from workbench.verbs.monobase.options import data_option, prefix_option

if TYPE_CHECKING:
    from workbench.monobase.status import GenerationStatus

EXAMPLES = """\
  wizard.py monobase status
  wizard.py monobase status --prefix /data/monobase --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `status`."""
    prefix_option(parser)
    data_option(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print a line for each generation and cog generation."""
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.status import status, unlocked

    prefix = Prefix.at(args.prefix)
    statuses = status(prefix)
    without = unlocked(prefix, Path(args.data), [one.name for one in statuses])
    if args.json:
        print(json.dumps([{**asdict(one), "unlocked": without.get(one.name, {})} for one in statuses], indent=2))
        return EXIT_OK
    header = ("name", "state", "environments", "skipped", "pythons", "by itself", "its own", "used by")
    rows = [
        (
            one.name,
            _state(one),
            str(one.environments),
            str(len(one.skipped)),
            ", ".join(map(_python, one.pythons.values())),
            mebibytes(one.apparent),
            mebibytes(one.own),
            ", ".join(one.used_by),
        )
        for one in statuses
    ]
    print(columns(header, rows) if rows else f"nothing is built below {args.prefix}")
    for name, variables in without.items():
        needed = ", ".join(sorted(set(variables.values())))
        print(f"{name}: {len(variables)} more are declared and not locked: they need {needed}")
    return EXIT_OK


def _state(one: GenerationStatus) -> str:
    if not one.finished:
        return "not finished"
    return ("latest" if one.latest else "ready") + (", pinned" if one.pinned else "")


def _python(versions: tuple[str, str]) -> str:
    """Return the version that a generation was made with, and the one that it names where that is another."""
    made, named = versions
    return made if made == named else f"{made} (named: {named})"


def mebibytes(count: int) -> str:
    """Return a number of bytes for a table."""
    return f"{count / 2**20:,.1f} MiB"
