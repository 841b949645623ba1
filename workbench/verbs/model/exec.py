"""`model exec`: a command in a model's environment, on the folder's own files."""

from __future__ import annotations

import argparse
import os

from workbench.errors import UsageError
from workbench.verbs.model.running import building_options, container_options, made_model, variables

EXAMPLES = """\
  wizard.py model exec python                             a Python with the packages of the model in this folder
  wizard.py model exec --folder mymodel python -m pip list
  wizard.py model exec --env TOKEN python download.py     what it writes into /src is in the folder
  wizard.py model exec --publish 8888 python -m http.server 8888
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `exec`."""
    parser.add_argument(
        "--folder", dest="what", metavar="DIR", default=".", help="folder with a cog.yaml (default: this one)"
    )
    container_options(parser)
    parser.add_argument(
        *("-p", "--publish"),
        metavar="N",
        action="append",
        default=[],
        help="publish the command's port N on 127.0.0.1; repeatable",
    )
    building_options(parser)
    parser.set_defaults(json=False)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD …", help="what to run")


def run(args: argparse.Namespace) -> int:
    """Run the command with the folder at /src, and return its exit code."""
    from workbench.launch.foreground import run_command
    from workbench.launch.ports import port_number
    from workbench.models.config import FILE

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("there is no command to run", hint="write it behind the flags: model exec python")
    ports = [port_number(text) for text in args.publish]
    given = variables(args.env)
    if not os.path.isfile(os.path.join(args.what, FILE)):
        raise UsageError(f"no {FILE} is in {os.path.abspath(args.what)}", hint="give --folder DIR")
    model = made_model(args)
    return run_command(model, args.what, command, given, ports=ports, gpus=args.gpus)
