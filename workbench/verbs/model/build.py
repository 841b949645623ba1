"""`model build`: the image of a model."""

from __future__ import annotations

import argparse
import json

from workbench.errors import EXIT_OK
from workbench.verbs.build import backend_of, build_options
from workbench.verbs.model.making import build_values, prepared_model, secret_option
from workbench.verbs.model.options import model_options

EXAMPLES = """\
  wizard.py model build mymodel                         as cog.yaml names it, or localhost/models/mymodel:latest
  wizard.py model build mymodel --weightless            on monobase: no package in the image
  wizard.py model build mymodel --backend buildkit      with the BuildKit of this machine's Docker Engine
  wizard.py model build mymodel --secret token=FILE     a secret that a step of run names
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `build`."""
    model_options(parser)
    secret_option(parser)
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build the image, keep the lock, and print the image's name."""
    from workbench.catalog.reader import open_catalogue
    from workbench.models.inspection import image_model
    from workbench.models.making import make_model
    from workbench.models.show import image_data

    backend = backend_of(args, tuple(args.options))
    build = build_values(args)
    catalogue = open_catalogue(args.catalog)
    prepared = prepared_model(args, args.folder, catalogue, backend, quiet=args.json)
    made = make_model(catalogue, prepared, args.folder, backend, build)
    assert made is not None
    if args.json:
        print(
            json.dumps({**made.as_data(), "model": image_data(image_model(made.built.image, backend.store))}, indent=2)
        )
    else:
        print(made.built.image)
    return EXIT_OK
