"""`python -m monobase.build` and its like: the commands of `monobase` by the names that they have had elsewhere."""

from __future__ import annotations

import sys


def run(verb: str) -> int:
    """Run `monobase VERB` with the arguments of this process, and return its exit code."""
    from workbench.cli import main

    return main(["monobase", verb, *sys.argv[1:]])
