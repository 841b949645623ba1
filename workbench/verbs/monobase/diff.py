"""`monobase diff`: show what changed between two generations."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from workbench.errors import EXIT_OK
from workbench.monobase.names import generation_id, generation_name
from workbench.table import columns
from workbench.verbs.monobase.options import data_option, prefix_option

EXAMPLES = """\
  wizard.py monobase diff 1 2                each change once, with the environments that it is in
  wizard.py monobase diff 1 2 --summary      by package
  wizard.py monobase diff 1 2 --json         with the bytes that it adds and removes, where both are built
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `diff`."""
    parser.add_argument("old", metavar="A", help="the generation to come from, such as 1")
    parser.add_argument("new", metavar="B", help="the generation to go to")
    data_option(parser)
    prefix_option(parser)
    parser.add_argument("--summary", action="store_true", help="a line for each package")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    from workbench.monobase.diff import diff
    from workbench.monobase.generation import load
    from workbench.monobase.prefix import Prefix

    old, new = (load(Path(args.data), generation_name(generation_id(text))) for text in (args.old, args.new))
    found = diff(old, new, Prefix.at(args.prefix))
    if args.json:
        print(json.dumps(asdict(found), indent=2))
        return EXIT_OK
    for sign, names in (("-", found.removed), ("+", found.added)):
        for name in names:
            print(f"{sign} {name}")
    if args.summary:
        rows: dict[str, list[str]] = {}
        for change in found.changes:
            rows.setdefault(change.package, []).append(f"{change.old or '-'} -> {change.new or '-'}")
        print(columns(("package", "change"), [(package, ", ".join(changes)) for package, changes in rows.items()]))
    else:
        listed = [
            (change.package, change.old or "-", change.new or "-", _where(change.environments, found.common))
            for change in found.changes
        ]
        print(columns(("package", "old", "new", "in"), listed))
    if found.bytes_added is None:
        print(f"bytes: not both are built below {args.prefix}")
    else:
        print(f"bytes: {found.bytes_added} added, {found.bytes_removed} removed")
    return EXIT_OK


def _where(environments: tuple[str, ...], common: int) -> str:
    return "all environments" if len(environments) == common else ", ".join(environments)
