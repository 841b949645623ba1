"""`python -m monobase.user` is `monobase user`."""

import sys

from monobase import run

if __name__ == "__main__":
    sys.exit(run("user"))
