"""Finding the interpreter of a Python version: a lock is made by the Python that it is for."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from collections.abc import Iterator


def find_interpreter(version: str) -> str | None:
    """Return the path of the oldest CPython `version` ("3.12") on this machine, or None when it has none.

    Looked for: pythonX.Y and python3 on PATH and where systems keep theirs, then pyenv's versions.
    The oldest, because some packages want a certain z of x.y.z, and an image may have an older one
    than the lock was made with: Debian 12 has 3.11.2 for good.
    """
    found = {path: full_version(path) for path in _candidates(version)}
    fitting = {path: full for path, full in found.items() if full is not None and _minor(full) == version}
    return min(fitting, key=lambda path: [int(part) for part in fitting[path].split(".")], default=None)


def version_of(path: str) -> str | None:
    """Return the "3.12" of the interpreter at `path`, or None when it does not run."""
    full = full_version(path)
    return _minor(full) if full else None


def full_version(path: str) -> str | None:
    """Return the "3.12.1" of the interpreter at `path`, or None when it does not run."""
    program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run([path, "-I", "-c", program], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _minor(full: str) -> str:
    return full.rpartition(".")[0]


def _candidates(version: str) -> Iterator[str]:
    for name in (f"python{version}", "python3"):
        for path in (shutil.which(name), os.path.join("/usr/bin", name), os.path.join("/usr/local/bin", name)):
            if path and os.path.exists(path):
                yield path
    root = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    yield from sorted(glob.glob(os.path.join(root, "versions", f"{version}.*", "bin", "python")))
