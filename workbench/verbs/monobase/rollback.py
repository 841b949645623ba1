"""`monobase rollback`: let models that name no generation get the one before."""

from __future__ import annotations

import argparse
import sys

from workbench.verbs.monobase.options import json_option, prefix_option, wait_option
from workbench.verbs.monobase.pin import print_latest

EXAMPLES = """\
  wizard.py monobase rollback        `latest` is the generation before it, and stays there
  wizard.py monobase pin --remove    and the newest again
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rollback`."""
    prefix_option(parser)
    wait_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Pin the one before; print what `latest` is then."""
    from workbench.monobase.pinning import rollback
    from workbench.monobase.prefix import Prefix, builder

    prefix = Prefix.at(args.prefix)
    with builder(prefix, wait=not args.no_wait, log=lambda text: print(text, file=sys.stderr)):
        rollback(prefix)
    return print_latest(args.prefix, as_json=args.json)
