"""`model inspect`: show the model of an image or a folder."""

from __future__ import annotations

import argparse
import json
import os

from workbench.errors import EXIT_OK
from workbench.verbs.build import backend_of, backend_options

EXAMPLES = """\
  wizard.py model inspect localhost/models/mymodel:latest          versions, layers, inputs
  wizard.py model inspect localhost/models/mymodel:latest --json   and the OpenAPI document
  wizard.py model inspect mymodel                                  of a folder: its cog.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `inspect`."""
    parser.add_argument("what", metavar="IMAGE|DIR", help="an image of a model, or a folder with a cog.yaml")
    backend_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the model."""
    from workbench.models.config import FILE
    from workbench.models.inspection import check_image, folder_data, image_model
    from workbench.models.show import image_data, image_table

    if os.path.isfile(os.path.join(args.what, FILE)):
        print(json.dumps(folder_data(args.what), indent=2))
        return EXIT_OK
    model = image_model(check_image(args.what), backend_of(args).store)
    print(json.dumps(image_data(model), indent=2) if args.json else image_table(model))
    return EXIT_OK
