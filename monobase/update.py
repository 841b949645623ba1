"""`python -m monobase.update` is `monobase update`."""

import sys

from monobase import run

if __name__ == "__main__":
    sys.exit(run("update"))
