"""`model check`: every fault of a model, or what it gets."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.errors import EXIT_OK
from workbench.notes import print_note
from workbench.verbs.model.options import model_options

EXAMPLES = """\
  wizard.py model check mymodel                what is requested and what it gets
  wizard.py model check mymodel --lock         and keep its packages as mymodel/model.lock
  wizard.py model check mymodel --weightless   which environment of monobase, and what beyond it?
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `check`."""
    model_options(parser)
    parser.add_argument("--lock", action="store_true", help="write model.lock (weightless.lock) beside cog.yaml")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what the model gets; raises FaultsError with its faults."""
    from workbench.catalog.reader import open_catalogue
    from workbench.models.lock import keep
    from workbench.models.prepare import resolve_model
    from workbench.models.show import as_data, table
    from workbench.verbs.model.options import options_of

    catalogue = open_catalogue(args.catalog)
    prepared = resolve_model(catalogue, args.folder, options_of(args, catalogue))
    if args.lock and prepared.lock is not None and not prepared.lock.is_kept:
        keep(args.folder, prepared.lock)
        print(f"wrote {args.folder}/{prepared.lock.name}", file=sys.stderr)
    if args.json:
        print(json.dumps(as_data(prepared), indent=2))
        return EXIT_OK
    print(table(prepared))
    for note in prepared.model.resolved.notes:
        print_note(note)
    return EXIT_OK
