"""The entry: `python wizard.py` asks, `python wizard.py VERB` does."""

import gc
import sys

if sys.version_info < (3, 11):  # noqa: UP036, an older Python is just who must read this
    sys.exit("wizard.py needs Python 3.11 or newer: run `make wizard`, or name one with `make setup PYTHON3=...`")

# A run makes few cycles and many objects: looking for cycles every 700 of them takes 3 % of a whole `new`.
gc.set_threshold(50_000)

from workbench.cli import main  # noqa: E402, after the threshold, for imports are most of the objects

if __name__ == "__main__":
    code = main(sys.argv[1:])
    # All that is left goes with the process. Python would look through it for cycles once more,
    # which takes a tenth of a whole `new`.
    gc.freeze()
    sys.exit(code)
