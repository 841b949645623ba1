"""`model build`: the image of a model."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.errors import EXIT_OK, UsageError
from workbench.notes import print_note
from workbench.verbs.build import backend_of, build_options, print_builder
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
    parser.add_argument("--secret", metavar="ID=FILE", action="append", default=[], help="a secret of run's steps")
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build the image, keep the lock, and print the image's name."""
    from workbench.catalog.reader import open_catalogue
    from workbench.catalog.tree import CatalogueTree
    from workbench.images.run_build import run_build
    from workbench.locations import ROOT
    from workbench.models.inspection import image_model
    from workbench.models.lock import keep
    from workbench.models.prepare import resolve_model, with_base
    from workbench.models.request import model_request
    from workbench.models.show import base_line, image_data
    from workbench.verbs.model.options import options_of

    options = tuple(args.options)
    backend = backend_of(args, options)
    secrets = _secrets(args.secret)
    catalogue = open_catalogue(args.catalog)
    chosen = options_of(args, catalogue)
    prepared = with_base(catalogue, resolve_model(catalogue, args.folder, chosen), chosen, backend.store)
    model = prepared.model
    print_builder(backend, quiet=args.json)
    if not args.json:
        print(base_line(model), file=sys.stderr)
        for note in model.resolved.notes:
            print_note(note)
    with model_request(
        model,
        args.folder,
        prepared.lock,
        CatalogueTree(str(ROOT)),
        catalogue,
        prepared.selection.os,
        options=options,
        secrets=secrets,
        ca_bundle=args.ca_bundle,
        cache=args.cache,
    ) as request:
        made = run_build(request, logs=args.log_dir, quiet=args.json, builder=backend.builder)
    if prepared.lock is not None and not prepared.lock.is_kept:
        keep(args.folder, prepared.lock)
    if args.json:
        print(
            json.dumps({**made.as_data(), "model": image_data(image_model(made.built.image, backend.store))}, indent=2)
        )
    else:
        print(made.built.image)
    return EXIT_OK


def _secrets(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path) or name in found:
            raise UsageError(f"--secret {text!r} is not valid", hint="write each once, as --secret token=FILE")
        found[name] = path
    return found
