"""Which client of a daemon this is: the same one as yesterday, and no other machine, container or user."""

from __future__ import annotations

import functools
import os
import re
import secrets

from workbench.errors import WorkbenchError
from workbench.files import cache_folder, write_whole

_ID = re.compile(r"[0-9a-f]{32}")


@functools.cache
def client_id() -> str:
    """Return this user's id on this machine: random, and kept in the user's cache folder.

    Not the machine's own id: containers of one image have the same, or none. Where nothing can be kept it is this
    process's alone, and a daemon is sent all files again.
    """
    path = os.path.join(cache_folder("buildkit"), "client-id")
    if (kept := _read(path)) is not None:
        return kept
    try:
        write_whole(path, secrets.token_hex(16))
    except WorkbenchError:
        return secrets.token_hex(16)
    # Another process may have written its own at the same time: the last one counts for both.
    return _read(path) or secrets.token_hex(16)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            found = _ID.fullmatch(file.read())
    except (OSError, ValueError):
        return None
    return found[0] if found else None
