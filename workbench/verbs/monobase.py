"""`wizard.py monobase`: generations of environments on a host, and what runs on them."""

from __future__ import annotations

import argparse
import importlib

from workbench.errors import EXIT_OK, UsageError
from workbench.names import suggestion

EXAMPLES = """\
  wizard.py monobase build --cog-versions 0.23.1       fill the prefix with every generation
  wizard.py monobase ready                             are the active generations ready?
  wizard.py monobase exec -- python -c 'import torch'  run on the environment that the variables name
  python -m workbench.monobase …                       the same, inside the image
"""

# As in the command line: a subverb is imported only when it is asked for.
SUBVERBS = {
    "monogen": "validate all generations",
    "update": "resolve generations and write their requirements",
    "diff": "show what changed between two generations",
    "build": "build generations and the cog layer below a prefix",
    "status": "show what a prefix holds",
    "ready": "say whether the active generations are ready (a readiness probe)",
    "verify": "compare every file below a prefix with what was installed",
    "repair": "mend what verify finds",
    "prune": "remove what nothing uses",
    "activate": "print the environment that the variables name, for a shell or as JSON",
    "exec": "run a command on the environment that the variables name",
    "user": "install a user's requirements as the third layer",
    "cog": "install a cog that no build has installed, beside the prefix",
    "image": "build the image of the daemon and of models on a base image",
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
        raise UsageError(f"monobase has no subverb {args.subverb!r}", hint=suggestion(args.subverb, SUBVERBS))
    module = importlib.import_module(f"workbench.monobase.commands.{args.subverb}")
    parser = parser_of(f"monobase {args.subverb}", SUBVERBS[args.subverb], module.EXAMPLES)
    module.arguments(parser)
    return int(module.run(parser.parse_args(args.rest)))
