"""`monobase repair`: repair what verify finds."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError
from workbench.verbs.monobase.options import data_option, json_option, mirror_option, prefix_option

EXAMPLES = """\
  wizard.py monobase repair              from a good copy on the disk, else from the package by its hash
  wizard.py monobase repair --offline    from the disk only
  wizard.py monobase repair --offline --mirror /mnt/mirror@sha256:DIGEST      and from a mirror
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `repair`."""
    prefix_option(parser)
    data_option(parser)
    mirror_option(parser)
    parser.add_argument("--offline", action="store_true", help="fetch nothing, but from mirrors")
    parser.add_argument("--no-wait", action="store_true", help="fail when a builder has the prefix")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Repair, and print what was repaired; raises FaultsError with what could not be."""
    from workbench.monobase.generation import load_all
    from workbench.monobase.install import Toolchain
    from workbench.monobase.mirror import MirrorAddress
    from workbench.monobase.mirrors import Mirrors
    from workbench.monobase.prefix import Prefix, builder
    from workbench.monobase.repair import repair
    from workbench.monobase.store import digest
    from workbench.monobase.verify import verify

    prefix, jobs = Prefix.at(args.prefix), os.cpu_count() or 1
    every = [one.requirements for generation in load_all(Path(args.data)) for one in generation.every]
    locks = {digest(str(path)): str(path) for path in every}
    addresses = [MirrorAddress.parse(text) for text in args.mirror]

    def log(text: str) -> None:
        print(text, file=sys.stderr)

    with builder(prefix, wait=not args.no_wait, log=log, mend=True):
        tools = Toolchain.at(prefix, offline=args.offline, jobs=jobs, mirrors=Mirrors(addresses, log))
        report = repair(tools, verify(prefix, jobs=jobs), locks)
    if args.json:
        failed = [{"where": where, "error": reason} for where, reason in report.failed]
        print(json.dumps({"repaired": report.repaired, "faults": failed}, indent=2))
        return EXIT_USER if failed else EXIT_OK
    for name in report.repaired:
        print(f"repaired {name}")
    if report.failed:
        message = f"{len(report.failed)} could not be repaired"
        raise FaultsError(message, report.failed, hint=f"run `{here('monobase build')}`")
    print(f"{len(report.repaired)} repaired")
    return EXIT_OK
