"""Writing one file, whole or not at all, and where what can be made again is kept."""

from __future__ import annotations

import os
import sys

from workbench.errors import WorkbenchError


def replace_text(path: str, text: str, *, mode: int = 0o644, sync: bool = False) -> None:
    """Put `text` at `path`, in a folder that is there: a reader finds the old file or the new one, never half.

    With `sync` it is on the disk when this returns. Raises OSError, and leaves nothing then.
    """
    # With all that it imports, a tenth of the time that composing a recipe takes, which needs nothing of it.
    import tempfile

    handle, staged = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(os.path.abspath(path)))
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(staged, mode)
        os.replace(staged, path)
    except BaseException:
        os.unlink(staged)
        raise


def write_whole(path: str, text: str) -> None:
    """Put `text` at `path` in one step; its folder is made. Raises WorkbenchError when the disk refuses."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None


def cache_folder(name: str) -> str:
    """Return the folder `name` of ours in the user's cache; it may not be there."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "workbench-images", name)


def holds(path: str, text: str) -> bool:
    """Return whether there is a file at `path` with just this text."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == text
    except OSError:
        return False


def print_or_write(text: str, path: str) -> None:
    """Print `text`, or put it at `path` and say so."""
    if path:
        write_whole(path, text)
        print(path)
    else:
        sys.stdout.write(text)
