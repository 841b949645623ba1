"""`monobase cog`: install a cog that no build has installed, beside the prefix."""

from __future__ import annotations

import argparse
import json
import os
import sys

from workbench.errors import EXIT_OK, UsageError
from workbench.monobase.names import is_cog, is_python
from workbench.monobase.request import read_request
from workbench.verbs.monobase.options import json_option, prefix_option

EXAMPLES = """\
  wizard.py monobase cog --version 0.23.1 --python 3.12      below $MONOBASE_CACHE, or ~/.cache/monobase
  wizard.py monobase cog --version https://… --python 3.12   a wheel at an address
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cog`."""
    prefix_option(parser)
    parser.add_argument("--version", required=True, metavar="V", help="version of cog, or the address of a wheel")
    parser.add_argument("--python", required=True, metavar="X.Y", help="Python that it is for")
    parser.add_argument("--interpreter", metavar="PATH", help="that Python, where it cannot be found")
    parser.add_argument("--offline", action="store_true", help="take nothing from the network")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Install it, and print where it is."""
    from workbench.monobase.cog import install_beside
    from workbench.monobase.prefix import Prefix

    if not is_cog(args.version):
        raise UsageError(
            f"{args.version!r} is not a version of cog",
            hint="write 0.23.1, coglet==0.23.1, or the address of a wheel: https://… or file:///…",
        )
    if not is_python(args.python):
        raise UsageError(f"{args.python!r} is not a Python version", hint="write it as 3.12")
    by_name = {args.python: os.path.abspath(args.interpreter)} if args.interpreter else {}
    layer = install_beside(
        Prefix.at(args.prefix),
        read_request({**os.environ, "R8_COG_VERSION": ""}).cache,
        args.version,
        args.python,
        by_name,
        lambda line: print(line, file=sys.stderr, flush=True),
        offline=args.offline,
    )
    print(json.dumps({"root": layer.root, "python": layer.python}, indent=2) if args.json else layer.root)
    return EXIT_OK
