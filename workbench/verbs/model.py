"""`wizard.py model`: from a cog.yaml to an image that answers predictions."""

from __future__ import annotations

import argparse
import importlib

from workbench.errors import EXIT_OK, UsageError
from workbench.names import suggestion

EXAMPLES = """\
  wizard.py model init mymodel              write a cog.yaml and a predict.py that work
  wizard.py model check mymodel             every fault with its line; what is asked for and what it gets
  wizard.py model build mymodel             the image; its packages as model.lock has them
  wizard.py model build mymodel --weightless   on monobase: no package in the image
  wizard.py model inspect localhost/models/mymodel:latest
"""

# As in the command line: a subverb is imported only when it is asked for.
SUBVERBS = {
    "init": "write a cog.yaml and a predict.py that work",
    "check": "name every fault of a model, or show what it gets",
    "build": "build the image of a model",
    "inspect": "show what an image, or a folder, says of its model",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a subverb and leave the rest to it."""
    listed = "\n".join(f"  {name:<10} {text}" for name, text in SUBVERBS.items())
    parser.description = f"{parser.description}\n\nsubverbs (each has --help):\n{listed}"
    parser.add_argument("subverb", nargs="?", metavar="SUBVERB", help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="its own arguments")
    parser.set_defaults(usage=parser.format_help)


def run(args: argparse.Namespace) -> int:
    """Run the subverb."""
    from workbench.cli import parser_of

    if args.subverb is None:
        print(args.usage())
        return EXIT_OK
    if args.subverb not in SUBVERBS:
        raise UsageError(f"model has no subverb {args.subverb!r}", hint=suggestion(args.subverb, SUBVERBS))
    module = importlib.import_module(f"workbench.model.commands.{args.subverb}")
    parser = parser_of(f"model {args.subverb}", SUBVERBS[args.subverb], module.EXAMPLES)
    module.arguments(parser)
    given = parser.parse_args(args.rest)
    given.catalog = args.catalog
    return int(module.run(given))
