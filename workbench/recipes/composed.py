"""Files as they were composed, kept in the user's cache by digest: changes made by hand are compared with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress

from workbench.compose.recipe import RecipeFile
from workbench.files import cache_folder

_FOLDER = "composed"
# Larger ones are no texts that a person changes by hand.
_MOST_BYTES = 1_000_000


def remember(files: Iterable[RecipeFile]) -> None:
    """Keep the files, as far as the disk lets us: without them `update` has less to go by, and that is all."""
    folder = cache_folder(_FOLDER)
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        for file in files:
            path = os.path.join(folder, file.digest)
            if len(file.data) <= _MOST_BYTES and not os.path.exists(path):
                staged = f"{path}.{os.getpid()}"
                with open(staged, "wb") as target:
                    target.write(file.data)
                os.rename(staged, path)


def recall(digest: str) -> bytes | None:
    """Return the bytes of this sha256, None where they were not kept or were damaged."""
    try:
        with open(os.path.join(cache_folder(_FOLDER), digest), "rb") as file:
            data = file.read()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == digest else None
