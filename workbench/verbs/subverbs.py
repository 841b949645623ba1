"""Verbs whose work is done by subverbs: each a module with EXAMPLES, arguments and run, as a verb is."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType

from workbench.errors import EXIT_OK, UsageError
from workbench.names import suggestion


def add_subverbs(parser: argparse.ArgumentParser, subverbs: Mapping[str, str]) -> None:
    """Take one of `subverbs` (with what each does) and leave the rest of the words to it."""
    listed = "\n".join(f"  {name:<10} {text}" for name, text in subverbs.items())
    parser.description = f"{parser.description}\n\nsubverbs (each has --help):\n{listed}"
    parser.add_argument("subverb", nargs="?", metavar="SUBVERB", help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="its own arguments")
    parser.set_defaults(usage=parser.format_help, subverbs=subverbs)


def run_subverb(verb: str, subverbs: Mapping[str, str], args: argparse.Namespace) -> int:
    """Run the subverb that `args` name, a module of `workbench.verbs.<verb>`, and return its exit code.

    As in the command line it is imported only when it is used. It finds the catalogue that was
    named before it in `args.catalog`. Raises UsageError when there is none of that name.
    """
    if args.subverb is None:
        print(args.usage())
        return EXIT_OK
    if args.subverb not in subverbs:
        raise UsageError(f"{verb} has no subverb {args.subverb!r}", hint=suggestion(args.subverb, subverbs))
    module, parser = subverb_parser(verb, args.subverb, subverbs)
    return int(module.run(parser.parse_args(args.rest, argparse.Namespace(catalog=args.catalog))))


def subverb_parser(verb: str, subverb: str, subverbs: Mapping[str, str]) -> tuple[ModuleType, argparse.ArgumentParser]:
    """Return the module of one of `subverbs`, and the parser of its arguments."""
    from workbench.cli import parser_of

    # A module is a name of its package, which has a function `run` of its own.
    name = f"{subverb}_" if subverb == "run" else subverb
    module = importlib.import_module(f"workbench.verbs.{verb}.{name}")
    parser = parser_of(f"{verb} {subverb}", subverbs[subverb], module.EXAMPLES)
    module.arguments(parser)
    return module, parser
