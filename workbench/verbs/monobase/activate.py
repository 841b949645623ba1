"""`monobase activate`: print what the variables name, for a shell or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys

from workbench.errors import EXIT_OK
from workbench.verbs.monobase.options import prefix_option

EXAMPLES = """\
  eval "$(wizard.py monobase activate)"              in a shell; `. PREFIX/bin/activate.sh` does it without Python
  R8_PYTHON_VERSION=3.12 wizard.py monobase activate --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `activate`."""
    prefix_option(parser)
    parser.add_argument("--json", action="store_true", help="print the variables as JSON")


def run(args: argparse.Namespace) -> int:
    """Print it; raises WorkbenchError when the variables name nothing that exists."""
    from workbench.monobase.activation import activate

    made = activate(os.path.abspath(args.prefix), os.environ)
    for note in made.notes:
        print(f"warning: the first wins: {note}", file=sys.stderr)
    if args.json:
        layers = [layer.root for layer in made.layers]
        print(json.dumps({"set": made.variables, "unset": made.unset, "layers": layers}, indent=2))
        return EXIT_OK
    for name, text in made.variables.items():
        print(f"export {name}={shlex.quote(text)}")
    if made.unset:
        print(f"unset {' '.join(made.unset)}")
    return EXIT_OK
