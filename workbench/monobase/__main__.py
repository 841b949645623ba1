"""`python -m workbench.monobase SUBVERB`: the verb `monobase` alone, as the image runs it."""

from __future__ import annotations

import sys

from workbench.cli import main

if __name__ == "__main__":
    sys.exit(main(["monobase", *sys.argv[1:]]))
