"""`monobase image`: build the image of the daemon and of models on a base image."""

from __future__ import annotations

import argparse
import json

from workbench.errors import EXIT_OK
from workbench.verbs.base import choice
from workbench.verbs.build import backend_of, build_options, print_builder

EXAMPLES = """\
  wizard.py monobase image --os bookworm --python 3.11 --release 2026a --date 20261122
  make monobase-image OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the same
"""
FOLDER = "monobase/image"
# What the image has of the repository, below /opt/monobase.
TOOL = ("workbench", "monobase", "releases/compat.toml")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `image`."""
    choice(parser)
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build it and name it, by its date and as `latest`."""
    from workbench.catalog.reader import read_catalogue
    from workbench.images.run_build import run_build
    from workbench.images.tool_image import tool_image
    from workbench.locations import ROOT

    options = tuple(args.options)
    backend = backend_of(args, options)
    root = str(ROOT)
    catalogue, chosen = read_catalogue(root), (args.release, args.os, args.python, args.date)
    with tool_image(
        "monobase",
        FOLDER,
        TOOL,
        catalogue,
        root,
        *chosen,
        options=options,
        ca_bundle=args.ca_bundle,
        cache=args.cache,
    ) as request:
        print_builder(backend, quiet=args.json)
        made = run_build(request, logs=args.log_dir, quiet=args.json, builder=backend.builder)
    if args.json:
        print(json.dumps({**made.as_data(), "names": list(request.names)}, indent=2))
    else:
        print("\n".join(request.names))
    return EXIT_OK
