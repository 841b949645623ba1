"""The entry: `python wizard.py` asks, `python wizard.py VERB` does."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036, an older Python is just who must read this
    sys.exit("wizard.py needs Python 3.11 or newer: run `make wizard`, or name one with `make setup PYTHON3=...`")

from workbench.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
