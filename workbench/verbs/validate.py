"""`wizard.py validate`: a base image, started and asked."""

from __future__ import annotations

import argparse
import json

from workbench.catalog.reader import read_catalogue
from workbench.errors import EXIT_OK, EXIT_USER
from workbench.verbs.base import choice

EXAMPLES = """\
  wizard.py validate --os bookworm --python 3.11 --release 2026a --date 20261122
  make validate OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the same
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `validate`."""
    choice(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print each check with what was seen; the exit code is 1 when one does not hold."""
    from workbench.build.chain import base_name, check_choice
    from workbench.build.validate import validate

    catalogue = read_catalogue(args.catalog)
    check_choice(catalogue, args.release, args.os, args.python, args.date)
    image = base_name(args.release, args.os, args.python, args.date)
    checks = validate(image, catalogue.systems[args.os].commands, args.python)
    failed = [check for check in checks if not check.holds]
    if args.json:
        print(json.dumps({"image": image, "ok": not failed, "checks": [check.as_data() for check in checks]}, indent=2))
    else:
        for check in checks:
            print(f"  {'ok' if check.holds else 'FAILED':<7} {check.what}: {check.seen}")
        print(f"{image}: {len(failed)} of {len(checks)} checks failed" if failed else f"{image}: all checks hold")
    return EXIT_USER if failed else EXIT_OK
