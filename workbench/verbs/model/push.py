"""`model push`: the image of a model to a registry."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace

from workbench.errors import EXIT_OK, UsageError
from workbench.verbs._signing import sign, sign_options, signing_key
from workbench.verbs.build import backend_of, build_options
from workbench.verbs.model.making import build_values, prepared_model, secret_option
from workbench.verbs.model.options import resolving_options

EXAMPLES = """\
  wizard.py model push                                            as `image` in this folder's cog.yaml names it
  wizard.py model push mymodel registry.example.com/team/mymodel:1
  wizard.py model push registry.example.com/team/mymodel --sign-key team.key    of this folder; and sign it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `push`."""
    parser.add_argument(
        "words",
        metavar="DIR IMAGE",
        nargs="*",
        help="folder with a cog.yaml (this one), and the image's name with its registry (cog.yaml's)",
    )
    resolving_options(parser)
    secret_option(parser)
    sign_options(parser)
    build_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build the image where the folder has changed, push it, and print its name."""
    from workbench.catalog.reader import open_catalogue
    from workbench.images.push import push_as
    from workbench.images.store import required
    from workbench.models.making import make_model
    from workbench.names import split_reference

    folder, args.image = _words(args.words, args.image)
    key = signing_key(args)
    backend = backend_of(args, tuple(args.options))
    catalogue = open_catalogue(args.catalog)
    prepared = prepared_model(args, folder, catalogue, backend, quiet=args.json, check=lambda model: _check(model.name))
    name = prepared.model.name
    made = make_model(catalogue, prepared, folder, backend, replace(build_values(args), again=False))
    if not args.json:
        print(f"pushing {name}" if made else f"{name} is up to date: pushing it", file=sys.stderr, flush=True)
    push_as(name, name, backend.store)
    repository, tag = split_reference(name)
    sign(repository, required(backend.store, name).id, key, (tag,))
    if key is not None and not args.json:
        print(f"signed with {key.public.name}", file=sys.stderr)
    report = {"pushed": name, "built": made is not None, "signed": key is not None}
    print(json.dumps(report, indent=2) if args.json else name)
    return EXIT_OK


def _words(words: list[str], image: str) -> tuple[str, str]:
    """Return the folder and the image's name ("" for that of cog.yaml) that the words mean."""
    folder, names = (words[0], words[1:]) if words and os.path.isdir(words[0]) else (".", words)
    if len(names) > 1 or (names and image):
        raise UsageError("more than one image is named", hint="write model push DIR IMAGE")
    return folder, names[0] if names else image


def _check(name: str) -> None:
    if name.startswith("localhost/"):
        raise UsageError(
            f"{name} names no registry",
            hint="name it as `image` in cog.yaml, or write model push DIR registry.example.com/team/model:1",
        )
