"""`wizard.py stop`: stop workbenches, and remove them and their files on request."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.commands import here
from workbench.errors import EXIT_OK, UsageError

EXAMPLES = """\
  wizard.py stop NAME                    stop it; `wizard.py run NAME` starts it again, at the same address
  wizard.py stop --all
  wizard.py stop --remove NAME           remove its container too; the files in its volume stay
  wizard.py stop --delete-files NAME     remove the files as well, for good
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `stop`."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="name of a workbench, as `ps` shows it")
    parser.add_argument("--all", action="store_true", help="every workbench of this machine")
    parser.add_argument("--remove", action="store_true", help="remove the container: what is not in the volume is lost")
    parser.add_argument(
        "--delete-files", action="store_true", help="remove the container and the volume with the files"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Stop each of them, in order."""
    from workbench.launch.names import check_workbench_name
    from workbench.launch.running import stop
    from workbench.launch.workbenches import required, workbenches

    if bool(args.names) == args.all:
        raise UsageError("name workbenches, or give --all", hint=f"`{here('ps')}` lists them")
    names = [check_workbench_name(name) for name in args.names] or [one.name for one in workbenches()]
    for name in names:
        required(name)  # a typing error in the last should not stop the first
    what = "stopped and removed, with its files" if args.delete_files else "removed" if args.remove else "stopped"
    done = [stop(name, remove=args.remove, files=args.delete_files) for name in names]
    if args.json:
        print(json.dumps([{"name": one.name, "state": what} for one in done], indent=2))
        return EXIT_OK
    for one in done:
        print(f"{one.name} is {what}")
    if done and not args.delete_files:
        volumes = ", ".join(one.container for one in done)
        print(f"the files stay in {volumes}; `{here('run NAME')}` opens them again", file=sys.stderr)
    return EXIT_OK
