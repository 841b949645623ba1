"""`wizard.py ps`: the workbenches of this machine."""

from __future__ import annotations

import argparse
import json

from workbench.commands import here
from workbench.errors import EXIT_OK
from workbench.table import columns

EXAMPLES = """\
  wizard.py ps           every workbench, its state, and the address to open
  wizard.py ps --json    for scripts
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `ps`."""
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """List the workbenches, running or not."""
    from workbench.launch.workbenches import workbenches

    found = workbenches()
    if args.json:
        print(json.dumps([one.as_data() for one in found], indent=2))
    elif found:
        rows = [(one.name, one.state, one.address or "-", one.image.rpartition("/")[2]) for one in found]
        print(columns(("name", "state", "address", "image"), rows))
    else:
        print(f"no workbenches: `{here('up')}` opens one")
    return EXIT_OK
