"""`monobase verify`: compare every file below a prefix with what was installed."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from workbench.errors import EXIT_OK, EXIT_USER, FaultsError
from workbench.verbs.monobase.options import data_option, prefix_option

EXAMPLES = """\
  wizard.py monobase verify              read every file once; name each environment that a changed one is in
  wizard.py monobase verify --quick      read nothing: see what was written to, is missing or too many
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    prefix_option(parser)
    data_option(parser)
    parser.add_argument("--quick", action="store_true", help="by time, mode and name only")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print that all is as it was installed, or raise FaultsError with everything that is not."""
    from workbench.monobase.generation import load_all
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.verify import verify

    digests = {generation.name: generation.digest for generation in load_all(Path(args.data))}
    found = verify(Prefix.at(args.prefix), digests, quick=args.quick, jobs=os.cpu_count() or 1)
    if args.json:
        faults = [{**asdict(fault), "shared_by": found.sharing(fault)} for fault in found.faults]
        report = {"whole": found.is_whole, "faults": faults, "store": found.spoiled, "generations": found.moved}
        print(json.dumps(report, indent=2))
        return EXIT_OK if found.is_whole else EXIT_USER
    if not found.is_whole:
        listed = [(f"{fault.environment}/{fault.path}", fault.kind) for fault in found.faults]
        listed += [(f"store: {entry}", "changed") for entry in found.spoiled]
        listed += found.moved
        names = sorted({fault.environment for fault in found.faults})
        about = f"not as it was installed: {', '.join(names) or 'the store, or what generations are'}"
        raise FaultsError(about, listed, hint="`wizard.py monobase repair` mends them")
    print(
        f"{found.environments} environments, {found.files} files in {found.inodes} inodes: all as they were installed"
    )
    return EXIT_OK
