"""`model init`: a new model that works."""

from __future__ import annotations

import argparse

from workbench.errors import EXIT_OK

EXAMPLES = """\
  wizard.py model init mymodel     then: model check mymodel, model build mymodel
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `init`."""
    parser.add_argument("folder", metavar="DIR", help="the model's folder; it is created")


def run(args: argparse.Namespace) -> int:
    """Write the files and print their paths."""
    from workbench.catalog.tree import CatalogueTree
    from workbench.locations import ROOT
    from workbench.models.template import create_model

    print("\n".join(create_model(args.folder, CatalogueTree(str(ROOT)))))
    return EXIT_OK
