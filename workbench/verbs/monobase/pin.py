"""`monobase pin`: let models that name no generation get this one."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.errors import EXIT_OK, UsageError
from workbench.verbs.monobase.options import generation_argument, json_option, prefix_option, wait_option

EXAMPLES = """\
  wizard.py monobase pin 2           `latest` is generation 2, whatever is built
  wizard.py monobase pin --remove    `latest` follows the newest again
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `pin`."""
    parser.add_argument("generation", metavar="N", nargs="?", type=generation_argument, help="the generation")
    parser.add_argument("--remove", action="store_true", help="let `latest` follow the newest again")
    prefix_option(parser)
    wait_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Pin it, or remove the pin; print what `latest` is then."""
    from workbench.monobase.names import generation_name
    from workbench.monobase.pinning import pin, unpin
    from workbench.monobase.prefix import Prefix, builder

    if (args.generation is None) == (not args.remove):
        raise UsageError("pin takes a generation or --remove", hint="write a number such as 2")
    prefix = Prefix.at(args.prefix)
    with builder(prefix, wait=not args.no_wait, log=lambda text: print(text, file=sys.stderr)):
        if args.remove:
            unpin(prefix)
        else:
            pin(prefix, generation_name(args.generation))
    return print_latest(args.prefix, as_json=args.json)


def print_latest(root: str, *, as_json: bool) -> int:
    """Print what `latest` is and whether it is pinned."""
    from workbench.monobase import layout
    from workbench.monobase.prefix import Prefix

    prefix = Prefix.at(root)
    latest, pinned = layout.latest_name(prefix.latest), layout.pinned_name(prefix)
    if as_json:
        print(json.dumps({"latest": latest, "pinned": pinned}, indent=2))
    else:
        print(f"latest is {latest or 'nothing'}{', pinned' if pinned else ''}")
    return EXIT_OK
