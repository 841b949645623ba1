"""`monobase exec`: run a command on what the variables name."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import NoReturn

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.prefix import Prefix
from workbench.verbs.monobase.options import prefix_option

EXAMPLES = """\
  R8_PYTHON_VERSION=3.12 R8_TORCH_VERSION=2.14.1 wizard.py monobase exec -- python -c 'import torch'
  R8_PYTHON_VERSION=3.12 R8_COG_VERSION=0.22.0 wizard.py monobase exec -- python -m cog.server.http
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `exec`."""
    prefix_option(parser)
    parser.add_argument("--offline", action="store_true", help="install no cog that is missing")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD…", help="what to run")


def run(args: argparse.Namespace) -> NoReturn:
    """Replace this process by the command. Its layers are leased as long as it, or what it starts, runs."""
    from workbench.monobase.activation import activate
    from workbench.monobase.choose import CogMissingError
    from workbench.monobase.leases import take

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("there is no command to run", hint="write it after --")
    root = os.path.abspath(args.prefix)
    prefix = Prefix.at(root)
    try:
        made = activate(root, os.environ)
    except CogMissingError:
        if args.offline:
            raise
        _install_cog(prefix)
        made = activate(root, os.environ)
    for note in made.notes:
        print(f"warning: the first wins: {note}", file=sys.stderr)
    for lease in made.leases(root):
        take(prefix, lease.name, lease.folder)
    environment = {name: text for name, text in os.environ.items() if name not in made.unset} | dict(made.variables)
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise WorkbenchError(f"{command[0]!r} is not a command", hint=f"PATH is {environment['PATH']}")
    os.execve(program, command, environment)


def _install_cog(prefix: Prefix) -> None:
    from workbench.monobase.cog import install_beside
    from workbench.monobase.request import read_request

    request = read_request(os.environ)
    install_beside(
        prefix, request.cache, request.cog, request.python, {}, lambda line: print(line, file=sys.stderr, flush=True)
    )
