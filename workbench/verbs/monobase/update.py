"""`monobase update`: resolve generations and write their requirements."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import EXIT_OK
from workbench.verbs.monobase.options import data_option, jobs_option, json_option, range_options

EXAMPLES = """\
  wizard.py monobase update                       every generation that is not released
  wizard.py monobase update --min-gen-id 3        those from 3 on
  wizard.py monobase update --data monobase/test  the small set of the tests
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `update`."""
    data_option(parser)
    range_options(parser)
    jobs_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve one generation after the other; each is written whole or not at all."""
    from workbench.locations import ROOT, check_writable
    from workbench.monobase.builds import read_builds
    from workbench.monobase.update import active, update

    folder = Path(args.data)
    check_writable(folder, "--data")
    pairs, builds = read_compatibility(CatalogueTree(str(ROOT))), read_builds(folder)
    made = []
    for spec in active(folder, args.min_gen_id, args.max_gen_id):
        log = functools.partial(print, file=sys.stderr, flush=True)
        matrix, unlocked = update(folder, spec, pairs, log, builds=builds, jobs=args.jobs)
        locked = len(matrix.environments) - len(unlocked)
        made.append(
            {"name": spec.name, "environments": locked, "excluded": dict(matrix.excluded), "unlocked": unlocked}
        )
        if args.json:
            continue
        for name, reason in matrix.excluded:
            print(f"{spec.name} has no {name}: {reason}", file=sys.stderr)
        print(f"{spec.name}: {locked} environments")
        if unlocked:
            needed = ", ".join(sorted(set(unlocked.values())))
            print(f"{spec.name}: {len(unlocked)} more are declared and not locked: set {needed}")
    if args.json:
        print(json.dumps(made, indent=2))
    return EXIT_OK
