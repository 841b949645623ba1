"""`monobase prune`: remove what nothing uses."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from workbench.errors import EXIT_OK, FaultsError, UsageError, WorkbenchError
from workbench.monobase.names import generation_name
from workbench.verbs.monobase.options import (
    generation_argument,
    grace_option,
    prefix_option,
    range_options,
    size_option,
)

EXAMPLES = """\
  wizard.py monobase prune --min-gen-id 2 --dry-run     what would go, and the bytes that the disk gets back
  wizard.py monobase prune --min-gen-id 2               generations below 2, unless a process runs on them
  wizard.py monobase prune --gen-id 3                   this one, even if it is the latest
  wizard.py monobase prune --gen-id 3 --grace 0         and if it was used a moment ago
  wizard.py monobase prune --max-size 200GiB            least recently used generations, until the prefix is that small
  wizard.py monobase prune                              old cog generations, and what is left of earlier builds
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `prune`."""
    prefix_option(parser)
    range_options(parser)
    parser.add_argument(
        "--gen-id",
        metavar="N",
        type=generation_argument,
        action="append",
        default=[],
        help="remove this generation and no other, even if it is the latest (may be given again)",
    )
    size_option(
        parser,
        "remove only what it takes to get the prefix down to this size: of all generations, or of those outside of "
        "the range, what was used least recently",
    )
    grace_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="remove nothing")
    parser.add_argument("--no-wait", action="store_true", help="fail when a builder has the prefix")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Remove what is outside of the range; raises FaultsError when some of it is in use."""
    from workbench.monobase.install import Toolchain
    from workbench.monobase.layout import COG
    from workbench.monobase.prefix import Prefix, builder
    from workbench.monobase.prune import prune
    from workbench.monobase.room import prune_to
    from workbench.monobase.select import is_one_of, is_outside
    from workbench.verbs.monobase.status import mebibytes

    if args.gen_id and not (args.min_gen_id is None and args.max_gen_id is None):
        raise UsageError("--gen-id goes with no range", hint="give it for each generation that is to go")
    if args.gen_id and args.max_size is not None:
        raise UsageError("--gen-id and --max-size exclude each other", hint="run it twice")
    prefix = Prefix.at(args.prefix)
    missing = [one for one in args.gen_id if not os.path.lexists(prefix.generation(generation_name(one)))]
    if missing:
        raise WorkbenchError(f"there is no generation {missing[0]} here", where=prefix.generations)
    with builder(prefix, wait=not args.no_wait, log=lambda text: print(text, file=sys.stderr)):
        tools, grace = Toolchain.at(prefix), args.grace * 60
        old = is_one_of(args.gen_id) if args.gen_id else is_outside(args.min_gen_id, args.max_gen_id)
        if args.max_size is None:
            found = prune(tools, old, dry_run=args.dry_run, even_latest=bool(args.gen_id), grace=grace)
        else:
            is_ranged = args.min_gen_id is not None or args.max_gen_id is not None
            may_go = old if is_ranged else lambda _: True
            found = prune_to(tools, args.max_size, may_go, dry_run=args.dry_run, grace=grace)
    if args.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        would = "would be removed" if args.dry_run else "removed"
        for name in found.removed:
            print(f"{name} {would}")
        if found.unseen:
            print(f"what runs without a lease was not looked for among {found.unseen}", file=sys.stderr)
        print(f"{found.packages} packages and {found.files} stored files {would}: {mebibytes(found.freed)} freed")
    if args.max_size is not None:
        if found.left > args.max_size:
            sizes = f"{mebibytes(found.left)} are left, more than {mebibytes(args.max_size)}"
            hint = "what is pinned, in use or the latest stays; --grace sets the minutes since the last use"
            raise FaultsError(sizes, found.kept or [(prefix.root, "nothing else may go")], hint=hint)
        return EXIT_OK
    # The newest cog generation is meant to stay.
    refused = [(name, why) for name, why in found.kept if not (name.startswith(COG) and why.startswith("latest"))]
    if refused:
        hint = "--grace sets the minutes" if any("minutes after" in why for _, why in refused) else ""
        raise FaultsError("some outside of the range are kept", refused, hint=hint)
    return EXIT_OK
