"""`monobase user`: install a user's requirements as the third layer."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from workbench.errors import EXIT_OK
from workbench.verbs.monobase.options import json_option, prefix_option

EXAMPLES = """\
  R8_PYTHON_VERSION=3.12 R8_TORCH_VERSION=2.14.1 wizard.py monobase user --requirements requirements.txt
  … wizard.py monobase user --requirements requirements.txt --override     the layers win where it contradicts them
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `user`."""
    prefix_option(parser)
    parser.add_argument("--requirements", metavar="FILE", required=True, help="what to install, as pip reads it")
    parser.add_argument("--override", action="store_true", help="let the layers win where the requirements contradict")
    parser.add_argument("--offline", action="store_true", help="take nothing from the network")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Install them above the layers that the variables activate, and print where."""
    from workbench.monobase.user import install_user

    made = install_user(
        os.path.abspath(args.prefix), os.environ, Path(args.requirements), override=args.override, offline=args.offline
    )
    if args.json:
        print(json.dumps(asdict(made), indent=2))
        return EXIT_OK
    for conflict in made.overridden:
        print(f"warning: the requirements file {conflict}, which wins", file=sys.stderr)
    print(f"{made.root}: {', '.join(made.packages) or 'nothing that the layers do not have'}")
    return EXIT_OK
