"""`monobase verify`: compare every file below a prefix with what was installed."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError, UsageError
from workbench.verbs.monobase.options import data_option, prefix_option

EXAMPLES = """\
  wizard.py monobase verify              read every file once; name each environment that a changed one is in
  wizard.py monobase verify --quick      read no package's file: detect what was written to, is missing or too many
  wizard.py monobase verify --part 3/24  a full one, spread over time: this part of it, and the others quickly
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    prefix_option(parser)
    data_option(parser)
    parser.add_argument("--quick", action="store_true", help="files of packages by time, mode, owner and name only")
    parser.add_argument(
        "--part",
        metavar="K/N",
        type=part_argument,
        help="read only part K of N of the files: each of them once in N runs",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print that everything is as it was installed, or raise FaultsError with what is not."""
    from workbench.monobase.generation import load_all
    from workbench.monobase.outcomes import keep_verdict
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.verify import Part, verify

    digests = {generation.name: generation.digest for generation in load_all(Path(args.data))}
    if args.part and args.quick:
        raise UsageError("--quick reads nothing, and --part reads a part", hint="choose one")
    part = Part(*args.part) if args.part else None
    prefix, began = Prefix.at(args.prefix), time.time()
    report = verify(prefix, digests, quick=args.quick, part=part, jobs=os.cpu_count() or 1)
    keep_verdict(prefix, report, began, quick=args.quick, part=part)
    if args.json:
        faults = [{**asdict(damage), "shared_by": report.sharing(damage)} for damage in report.damage]
        data = {"whole": report.is_whole, "faults": faults, "store": report.damaged_entries}
        data |= {"generations": report.changed, "unfinished": report.unfinished}
        print(json.dumps(data, indent=2))
        return EXIT_OK if report.is_whole and not report.unfinished else EXIT_USER
    if not report.is_whole:
        listed = [(damage.where, damage.kind) for damage in report.damage]
        listed += [(f"store: {entry}", "changed or gone") for entry in report.damaged_entries]
        listed += [*report.changed, *((name, "never finished") for name in report.unfinished)]
        names = sorted({damage.environment for damage in report.damage if damage.environment})
        about = f"not as it was installed: {', '.join(names) or 'what is beside the environments'}"
        raise FaultsError(about, listed, hint=f"`{here('monobase repair')}` repairs them")
    if report.unfinished:
        hint = f"`{here('monobase build')}` finishes them"
        raise FaultsError("not finished", [(name, "its build never ended") for name in report.unfinished], hint=hint)
    print(f"{report.environments} environments, {report.files} files in {report.inodes} inodes: all as installed")
    return EXIT_OK


def part_argument(text: str) -> tuple[int, int]:
    """Return the number and the count of a part that a flag names; raises ArgumentTypeError."""
    number, _, of = text.partition("/")
    if all(word.isascii() and word.isdigit() and len(word) < 7 for word in (number, of)) and 1 <= int(number) <= int(
        of
    ):
        return int(number), int(of)
    raise argparse.ArgumentTypeError(f"{text!r} is not a part: write one such as 3/24")
