"""`monobase activate`: print what the variables name, for a shell or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from workbench.errors import EXIT_OK
from workbench.locations import ROOT
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
    from workbench.monobase.activation import activate, leases_on

    root = os.path.abspath(args.prefix)
    made = activate(root, os.environ)
    leases = made.leases(root)
    for note in made.notes:
        print(f"warning: the first wins: {note}", file=sys.stderr)
    if args.json:
        layers = [layer.root for layer in made.layers]
        data = {"set": made.variables, "unset": made.unset, "layers": layers}
        print(json.dumps({**data, "leases": [lease.file for lease in leases]}, indent=2))
        return EXIT_OK
    lines = [f"export {name}={shlex.quote(text)}" for name, text in made.variables.items()]
    lines += [f"unset {' '.join(made.unset)}"] if made.unset else []
    if leases:
        before = leases_on(root, os.environ.get("MONOBASE_GENERATION", ""), os.environ.get("MONOBASE_COG", ""))
        lines += [f"_mb_release {shlex.quote(lease.file)}" for lease in before if lease not in leases]
        lines = _leased([(lease.name, lease.file, lease.folder) for lease in leases], lines)
    print("\n".join(lines))
    return EXIT_OK


def _leased(leases: list[tuple[str, str, str]], lines: list[str]) -> list[str]:
    """Return lines that take the leases in the shell that reads them, by the functions of activate.sh, then `lines`."""
    functions = Path(ROOT, "monobase", "activate.sh").read_text().split("# --- lease")[1].partition("\n")[2]
    wanted = " && ".join(" ".join(["_mb_lease", *map(shlex.quote, lease)]) for lease in leases)
    clear = "unset _mb_free _mb_number _mb_status; unset -f _mb_leased _mb_release _mb_lease"
    return [functions.rstrip("\n"), f"if {wanted}; then", *lines, clear, "else", clear, "false", "fi"]
