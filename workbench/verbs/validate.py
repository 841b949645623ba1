"""`wizard.py validate`: a base image and the CUDA layers on it, started and checked."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue
from workbench.errors import EXIT_OK, EXIT_USER
from workbench.names import pick
from workbench.verbs.base import choice
from workbench.verbs.build import backend_of, backend_options
from workbench.verbs.cuda import layer_option, layers_of

if TYPE_CHECKING:
    from workbench.images.validate import Check

EXAMPLES = """\
  wizard.py validate --os bookworm --python 3.11 --release 2026a --date 20261122
  wizard.py validate … --layers runtime-cudnn,devel      these CUDA layers instead
  make validate OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the base, and the layers that exist
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `validate`."""
    choice(parser)
    layer_option(parser, "CUDA layers to check (default: the base and the layers that exist)")
    backend_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print each check with what was observed; the exit code is 1 when one does not hold."""
    from workbench.images.base import check_choice

    catalogue = open_catalogue(args.catalog)
    check_choice(catalogue, args.release, args.os, args.python, args.date)
    reports = [_report(image, checks, quiet=args.json) for image, checks in _checked(args, catalogue)]
    if args.json:
        print(json.dumps(reports, indent=2))
    return EXIT_OK if all(report["ok"] for report in reports) else EXIT_USER


def _checked(args: argparse.Namespace, catalogue: Catalogue) -> Iterator[tuple[str, list[Check]]]:
    """Yield each image that is requested, or exists, with the checks of it."""
    from workbench.images.cuda.layers import layer_image
    from workbench.images.cuda.validate import validate_layer
    from workbench.images.validate import validate

    store = backend_of(args).store
    requested = [pick(layer, LAYERS, "CUDA layer") for layer in layers_of(args)]
    commands = catalogue.systems[args.os].commands
    for layer in requested or ["", *LAYERS]:
        image = layer_image(layer, args.release, args.os, args.python, args.date)
        if layer and not requested and store.inspect(image) is None:
            continue
        checks = validate(image, commands, args.python, store)
        yield image, checks + (validate_layer(image, layer, catalogue.releases[args.release], store) if layer else [])


def _report(image: str, checks: list[Check], *, quiet: bool) -> dict[str, object]:
    failed = [check for check in checks if not check.holds]
    if not quiet:
        for check in checks:
            print(f"  {'ok' if check.holds else 'FAILED':<7} {check.what}: {check.observed}")
        print(f"{image}: {len(failed)} of {len(checks)} checks failed" if failed else f"{image}: all checks hold")
    return {"image": image, "ok": not failed, "checks": [check.as_data() for check in checks]}
