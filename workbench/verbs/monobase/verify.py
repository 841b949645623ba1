"""`monobase verify`: compare every file below a prefix with what was installed."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError
from workbench.verbs.monobase.options import data_option, prefix_option

EXAMPLES = """\
  wizard.py monobase verify              read every file once; name each environment that a changed one is in
  wizard.py monobase verify --quick      read nothing: detect what was written to, is missing or too many
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    prefix_option(parser)
    data_option(parser)
    parser.add_argument("--quick", action="store_true", help="by time, mode and name only")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print that everything is as it was installed, or raise FaultsError with what is not."""
    from workbench.monobase.generation import load_all
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.verify import verify

    digests = {generation.name: generation.digest for generation in load_all(Path(args.data))}
    report = verify(Prefix.at(args.prefix), digests, quick=args.quick, jobs=os.cpu_count() or 1)
    if args.json:
        faults = [{**asdict(damage), "shared_by": report.sharing(damage)} for damage in report.damage]
        data = {"whole": report.is_whole, "faults": faults, "store": report.damaged_entries}
        print(json.dumps({**data, "generations": report.changed}, indent=2))
        return EXIT_OK if report.is_whole else EXIT_USER
    if not report.is_whole:
        listed = [(f"{damage.environment}/{damage.path}", damage.kind) for damage in report.damage]
        listed += [(f"store: {entry}", "changed") for entry in report.damaged_entries]
        listed += report.changed
        names = sorted({damage.environment for damage in report.damage})
        about = f"not as it was installed: {', '.join(names) or 'the store or the generations'}"
        raise FaultsError(about, listed, hint=f"`{here('monobase repair')}` repairs them")
    print(f"{report.environments} environments, {report.files} files in {report.inodes} inodes: all as installed")
    return EXIT_OK
