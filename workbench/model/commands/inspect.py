"""`model inspect`: what an image, or a folder, says of its model."""

from __future__ import annotations

import argparse
import json
import os

from workbench.errors import EXIT_OK

EXAMPLES = """\
  wizard.py model inspect localhost/models/mymodel:latest          versions, layers, inputs
  wizard.py model inspect localhost/models/mymodel:latest --json   and the OpenAPI document
  wizard.py model inspect mymodel                                  of a folder: what cog.yaml says
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `inspect`."""
    parser.add_argument("what", metavar="IMAGE|DIR", help="an image of a model, or a folder with a cog.yaml")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the model."""
    from workbench.model.config import FILE
    from workbench.model.inspection import folder_of, look, model_of
    from workbench.model.show import image_table

    is_folder = os.path.isfile(os.path.join(args.what, FILE))
    told = folder_of(args.what) if is_folder else model_of(args.what, look(args.what))
    if args.json or is_folder:
        print(json.dumps(told, indent=2))
    else:
        print(image_table(told))
    return EXIT_OK
