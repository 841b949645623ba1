"""`wizard.py base`: the base image of an operating system."""

from __future__ import annotations

import argparse
import json

from workbench.catalog.reader import open_catalogue
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.verbs._answers import answer_flags
from workbench.verbs.build import backend_of, build_options, print_builder

EXAMPLES = """\
  wizard.py base --os bookworm --python 3.11 --release 2026a --date 20261122
  make base OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the same
"""


def choice(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a base image."""
    answer_flags(parser, ("release", "date", "os", "python"), required=True)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `base`."""
    choice(parser)
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build the base image and name it, by its date and as `latest`."""
    from workbench.images.base import base_request
    from workbench.images.os_image import SCRIPT
    from workbench.images.run_build import run_build

    backend = backend_of(args, tuple(args.options))
    catalogue = open_catalogue(args.catalog)
    request = base_request(
        catalogue,
        args.release,
        args.os,
        args.python,
        args.date,
        options=tuple(args.options),
        ca_bundle=args.ca_bundle,
        cache=args.cache,
    )
    print_builder(backend, quiet=args.json)
    root = request.arguments["ROOT_IMAGE"]
    try:
        made = run_build(request, logs=args.log_dir, quiet=args.json, builder=backend.builder)
    except WorkbenchError as error:
        if catalogue.tree.exists(f"base/{args.os}/{SCRIPT}") and backend.store.inspect(root) is None:
            made_here = f"`{here(f'os-image --os {args.os}')}` makes the root image here, where no registry has {root}"
            error.hint = "; ".join(hint for hint in (made_here, error.hint) if hint)
        raise
    if args.json:
        print(json.dumps({**made.as_data(), "names": list(request.names)}, indent=2))
    else:
        print("\n".join(request.names))
    return 0
