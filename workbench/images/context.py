"""The folder beside a Containerfile on disk: what COPY finds in it, and what an ignore file excludes."""

from __future__ import annotations

import os

from workbench.containerfile.sources import is_pattern, pattern
from workbench.errors import WorkbenchError

IGNORE_FILES = (".containerignore", ".dockerignore")


def exists(folder: str, path: str) -> bool:
    """Return whether `folder` has what `path` names, or anything that it matches; `path` comes from sources.inside."""
    if not is_pattern(path):
        return os.path.lexists(os.path.join(folder, path))
    found = [folder]
    for part in path.split("/"):
        matches = pattern(part).fullmatch
        found = [
            os.path.join(above, name)
            for above in found
            if os.path.isdir(above)
            for name in os.listdir(above)
            if matches(name)
        ]
    return bool(found)


def ignored(folder: str) -> tuple[str, ...]:
    """Return the patterns of the folder's ignore file, none when it has none; raises WorkbenchError for a bad one."""
    for name in IGNORE_FILES:
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise WorkbenchError(f"cannot be read: {error}", where=path) from None
        return tuple(line.removeprefix("/") for line in lines if line and not line.startswith("#"))
    return ()
