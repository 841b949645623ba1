"""`wizard.py cuda`: the CUDA images on a standard base."""

from __future__ import annotations

import argparse
import json

from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.reader import open_catalogue
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError
from workbench.verbs.base import choice
from workbench.verbs.build import backend_of, build_options, print_builder

EXAMPLES = """\
  wizard.py cuda --os bookworm --python 3.11 --release 2026a --date 20261122
  wizard.py cuda … --layers runtime-cudnn,devel      these, and those that they stand on
  make cuda OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122 LAYERS=runtime-cudnn
"""


def layer_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the flag that names CUDA layers."""
    help_text = f"{what}, with commas or spaces between: {', '.join(LAYERS)}"
    parser.add_argument("--layers", metavar="LIST", default="", help=help_text)


def layers_of(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the layers that `--layers` lists."""
    return tuple(args.layers.replace(",", " ").split())


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cuda`."""
    choice(parser)
    layer_option(parser, "build these and those below (default: all that the system can have)")
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build the layers that are not up to date, each named by its date and as `latest`."""
    from workbench.images.cuda.layers import build_layers, layer_requests

    backend = backend_of(args, tuple(args.options))
    requests = layer_requests(
        open_catalogue(args.catalog),
        args.release,
        args.os,
        args.python,
        args.date,
        layers_of(args),
        options=tuple(args.options),
        ca_bundle=args.ca_bundle,
        cache=args.cache,
    )
    print_builder(backend, quiet=args.json)
    outcomes = build_layers(requests, backend, logs=args.log_dir, quiet=args.json)
    bad = [outcome for outcome in outcomes if outcome.is_bad]
    if args.json:
        print(json.dumps([outcome.as_data("layer") for outcome in outcomes], indent=2))
        return EXIT_USER if bad else EXIT_OK
    print("\n".join(outcome.image for outcome in outcomes if outcome not in bad))
    if bad:
        raise FaultsError(
            f"{len(bad)} of {len(outcomes)} CUDA layers are not up to date",
            [(outcome.name, f"{outcome.status}: {outcome.reason}") for outcome in bad],
            hint="correct that and run it again: what is up to date is not built again",
        )
    return EXIT_OK
