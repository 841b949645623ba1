"""Finding the interpreter of a Python version: a lock is made by the Python that it is for."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from collections.abc import Iterator


def find_interpreter(version: str) -> str | None:
    """Return the path of a CPython `version` ("3.12"), or None when this machine has none.

    Looked for: pythonX.Y and python3 on PATH, then pyenv's versions. Each is asked for its version.
    """
    return next((path for path in _candidates(version) if version_of(path) == version), None)


def version_of(path: str) -> str | None:
    """Return the "3.12" of the interpreter at `path`, or None when it does not answer."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", ask], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _candidates(version: str) -> Iterator[str]:
    for name in (f"python{version}", "python3"):
        if path := shutil.which(name):
            yield path
    root = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    yield from sorted(glob.glob(os.path.join(root, "versions", f"{version}.*", "bin", "python")))
