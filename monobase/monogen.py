"""`python -m monobase.monogen` is `monobase monogen`."""

import sys

from monobase import run

if __name__ == "__main__":
    sys.exit(run("monogen"))
