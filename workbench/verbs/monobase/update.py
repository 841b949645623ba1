"""`monobase update`: resolve generations and write their requirements."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import EXIT_OK
from workbench.verbs.monobase.options import data_option, json_option, range_options

EXAMPLES = """\
  wizard.py monobase update                       every generation that is not released
  wizard.py monobase update --min-gen-id 3        those from 3 on
  wizard.py monobase update --data monobase/test  the small set of the tests
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `update`."""
    data_option(parser)
    range_options(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve one generation after the other; each is written whole or not at all."""
    from workbench.locations import ROOT, check_writable
    from workbench.monobase.update import active, update

    folder = Path(args.data)
    check_writable(folder, "--data")
    pairs = read_compatibility(CatalogueTree(str(ROOT)))
    made = []
    for spec in active(folder, args.min_gen_id, args.max_gen_id):
        matrix = update(folder, spec, pairs, lambda line: print(line, file=sys.stderr, flush=True))
        made.append({"name": spec.name, "environments": len(matrix.environments), "excluded": dict(matrix.excluded)})
        if args.json:
            continue
        for name, reason in matrix.excluded:
            print(f"{spec.name} has no {name}: {reason}", file=sys.stderr)
        print(f"{spec.name}: {len(matrix.environments)} environments")
    if args.json:
        print(json.dumps(made, indent=2))
    return EXIT_OK
