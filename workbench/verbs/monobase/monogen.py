"""`monobase monogen`: validate all generations."""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import asdict
from pathlib import Path

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import EXIT_OK, UsageError
from workbench.monobase.names import generation_id, generation_name
from workbench.table import columns
from workbench.verbs.monobase.options import data_option

EXAMPLES = """\
  wizard.py monobase monogen                       are all generations whole, and the released ones unchanged?
  wizard.py monobase monogen --data monobase/test
  wizard.py monobase monogen --release 3           release generation 3: it never changes again
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `monogen`."""
    data_option(parser)
    parser.add_argument("--release", metavar="N", help="release this generation, then validate")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="day of the release (default: today)")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print each generation with its digest; raises FaultsError when one is not as it should be."""
    from workbench.locations import ROOT, check_writable
    from workbench.monobase.monogen import release, validate

    folder = Path(args.data)
    if args.release is not None:
        check_writable(folder, "--data")
        release(folder, generation_name(generation_id(args.release)), _day(args.date))
    found = validate(folder, read_compatibility(CatalogueTree(str(ROOT))))
    if args.json:
        print(json.dumps([asdict(valid) for valid in found], indent=2))
        return EXIT_OK
    rows = [
        (one.name, one.released or "not yet", str(len(one.environments)), str(len(one.unlocked)), one.digest)
        for one in found
    ]
    print(columns(("generation", "released", "environments", "not locked", "digest"), rows))
    return EXIT_OK


def _day(text: str | None) -> str:
    if text is None:
        return datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{text!r} is not a day", hint="write it as 2026-11-22") from None
