"""What the verbs that build an image of this repository's own code share: the flags, the build and what is printed."""

from __future__ import annotations

import argparse
import json

from workbench.errors import EXIT_OK
from workbench.verbs.base import choice
from workbench.verbs.build import backend_of, build_options, print_builder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags: the base that it is built on, and how it is built."""
    choice(parser)
    build_options(parser)


def build(args: argparse.Namespace, name: str, folder: str, tool: tuple[str, ...]) -> int:
    """Build the image `name` of `folder` with the files `tool` of the repository, and name it by date and as `latest`.

    Returns the exit status; raises WorkbenchError when it cannot be built.
    """
    from workbench.catalog.reader import open_catalogue
    from workbench.images.run_build import run_build
    from workbench.images.tool_image import tool_image
    from workbench.locations import ROOT

    options = tuple(args.options)
    backend = backend_of(args, options)
    root = str(ROOT)
    catalogue, chosen = open_catalogue(root), (args.release, args.os, args.python, args.date)
    with tool_image(
        name, folder, tool, catalogue, root, *chosen, options=options, ca_bundle=args.ca_bundle, cache=args.cache
    ) as request:
        print_builder(backend, quiet=args.json)
        made = run_build(request, logs=args.log_dir, quiet=args.json, builder=backend.builder)
    if args.json:
        print(json.dumps({**made.as_data(), "names": list(request.names)}, indent=2))
    else:
        print("\n".join(request.names))
    return EXIT_OK
