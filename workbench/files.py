"""Writing one file, whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile

from workbench.errors import WorkbenchError


def write_whole(path: str, text: str) -> None:
    """Put `text` at `path` in one step; its folder is made. Raises WorkbenchError when the disk refuses."""
    folder = os.path.dirname(os.path.abspath(path))
    staged = ""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", delete=False, encoding="utf-8") as file:
            staged = file.name
            file.write(text)
        os.chmod(staged, 0o644)
        os.replace(staged, path)
    except OSError as error:
        if staged and os.path.exists(staged):
            os.unlink(staged)
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None


def print_or_write(text: str, path: str) -> None:
    """Print `text`, or put it at `path` and say so."""
    if path:
        write_whole(path, text)
        print(path)
    else:
        sys.stdout.write(text)
