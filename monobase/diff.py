"""`python -m monobase.diff` is `monobase diff`."""

import sys

from monobase import run

if __name__ == "__main__":
    sys.exit(run("diff"))
