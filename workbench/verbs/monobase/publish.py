"""`monobase publish`: pack what a prefix holds into a folder that other nodes fill themselves from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from workbench.errors import EXIT_OK
from workbench.verbs.monobase.options import jobs_option, json_option, prefix_option, range_options

EXAMPLES = """\
  wizard.py monobase publish --to /mnt/mirror                  prints the address for `build --mirror` on other nodes
  wizard.py monobase publish --to /mnt/mirror --min-gen-id 2   only these generations, and the cogs
  wizard.py monobase publish --to /mnt/mirror --check          write again what is damaged there
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `publish`."""
    prefix_option(parser)
    range_options(parser)
    parser.add_argument("--to", metavar="DIR", required=True, help="the mirror's folder: shared, or an HTTP server's")
    parser.add_argument("--check", action="store_true", help="compare what is there, and write it again if it differs")
    jobs_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Publish, and print the address of the mirror."""
    from workbench.monobase.layout import GenerationFolder
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.publish import publish
    from workbench.monobase.select import is_outside

    def log(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    old, target = is_outside(args.min_gen_id, args.max_gen_id), os.path.abspath(args.to)

    def wanted(folder: GenerationFolder) -> bool:
        return not old(folder)

    report = publish(Prefix.at(args.prefix), target, wanted, jobs=args.jobs, check=args.check, log=log)
    address = f"{target}@sha256:{report.digest}"
    if args.json:
        print(json.dumps({"address": address, **asdict(report)}, indent=2))
        return EXIT_OK
    size = f"{report.bytes / 2**20:,.1f} MiB"
    print(f"{', '.join(report.generations)}: {report.packages} packages; {report.files} files, {size}, are new")
    print(address)
    return EXIT_OK
