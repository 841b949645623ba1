"""Verbs whose work is done by subverbs: each a module with EXAMPLES, arguments and run, as a verb is."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

from workbench.errors import EXIT_OK, UsageError
from workbench.names import suggestion


def add_subverbs(parser: argparse.ArgumentParser, subverbs: Mapping[str, str]) -> None:
    """Take one of `subverbs` (with what each does) and leave the rest of the words to it."""
    listed = "\n".join(f"  {name:<10} {text}" for name, text in subverbs.items())
    parser.description = f"{parser.description}\n\nsubverbs (each has --help):\n{listed}"
    parser.add_argument("subverb", nargs="?", metavar="SUBVERB", help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="its own arguments")
    parser.set_defaults(usage=parser.format_help)


def run_subverb(verb: str, subverbs: Mapping[str, str], args: argparse.Namespace) -> int:
    """Run the subverb that `args` name, a module of `workbench.verbs.<verb>`, and return its exit code.

    As in the command line it is imported only when it is used. It finds the catalogue that was
    named before it in `args.catalog`. Raises UsageError when there is none of that name.
    """
    from workbench.cli import parser_of

    if args.subverb is None:
        print(args.usage())
        return EXIT_OK
    if args.subverb not in subverbs:
        raise UsageError(f"{verb} has no subverb {args.subverb!r}", hint=suggestion(args.subverb, subverbs))
    module = importlib.import_module(f"workbench.verbs.{verb}.{args.subverb}")
    parser = parser_of(f"{verb} {args.subverb}", subverbs[args.subverb], module.EXAMPLES)
    module.arguments(parser)
    return int(module.run(parser.parse_args(args.rest, argparse.Namespace(catalog=args.catalog))))
