"""What a hostile set does: programs of tests, on the host where the tiny image has no such tool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# renameat2 with RENAME_EXCHANGE: there is no moment at which either of the two is not there.
_SWAP = """
import ctypes, sys, time
libc, here, there = ctypes.CDLL(None), *(each.encode() for each in sys.argv[1:])
while True:
    if libc.renameat2(-100, here, -100, there, 2) != 0:
        sys.exit(1)
    time.sleep(0.00005)
"""


@contextmanager
def swapping(folder: Path, link: Path) -> Iterator[None]:
    """Exchange a folder and a link every 50 µs, as a set may that binds the folder above them."""
    attacker = subprocess.Popen([sys.executable, "-c", _SWAP, str(folder), str(link)])
    try:
        yield
        assert attacker.poll() is None, "the attacker was at it to the end"
    finally:
        attacker.kill()
        attacker.wait()
