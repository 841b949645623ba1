"""`python -m monobase.build` is `monobase build`."""

import sys

from monobase import run

if __name__ == "__main__":
    sys.exit(run("build"))
