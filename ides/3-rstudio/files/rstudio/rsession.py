#!/opt/app-root/bin/python -I
"""Starts an R session with what the container was given: the server hands on only a few variables."""

import os
import sys
from pathlib import Path

RSESSION = "/usr/lib/rstudio-server/bin/rsession"


def environment(parent: bytes, own: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the variables of `parent`, a /proc/PID/environ, and over them the session's own but for its PATH."""
    given = {name: value for name, _, value in (line.partition(b"=") for line in parent.split(b"\0")) if name}
    return given | {name: value for name, value in own.items() if name != b"PATH" or name not in given}


if __name__ == "__main__":
    parent = Path(f"/proc/{os.getppid()}/environ").read_bytes()
    os.execve(RSESSION, [RSESSION, *sys.argv[1:]], environment(parent, dict(os.environb)))
