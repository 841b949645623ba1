"""A cog that the prefix has not: installed beside it, into a folder of the user's, which may be the only one to write.

Nothing is written below the prefix, which models mount read-only: cache, store and environment are all
in that folder (fault M10).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from workbench.errors import WorkbenchError
from workbench.monobase.choose import cog_name
from workbench.monobase.cog import Tell, lock_cog
from workbench.monobase.conflicts import compare
from workbench.monobase.environment import build
from workbench.monobase.install import Workshop
from workbench.monobase.interpreters import find
from workbench.monobase.layer import Layer
from workbench.monobase.prefix import Prefix, builder


def install_beside(
    prefix: Prefix,
    cache: str,
    version: str,
    python: str,
    by_name: Mapping[str, str],
    tell: Tell,
    *,
    offline: bool = False,
) -> Layer:
    """Install cog `version` for `python` ("3.11") below the folder `cache`, and return it.

    It is compared with the environments of the prefix, as those of a build are. Raises WorkbenchError
    when the folder cannot be written, or the cog not be installed.
    """
    if not cache or not _is_writable(cache):
        raise WorkbenchError(
            f"a cog cannot be installed in {cache or 'no folder'}: it cannot be written",
            hint="name a folder that can, in MONOBASE_CACHE",
        )
    beside = Prefix.at(cache)
    interpreter = find(prefix, python, by_name)
    name = f"{cog_name(version)}-python{python}"
    target = beside.below("cog", name)
    with builder(beside, tell=tell):
        shop = Workshop.at(beside, offline=offline)
        tell(f"installing {name} into {beside.root}")
        os.makedirs(beside.below("cog"), exist_ok=True)
        lock = beside.below("cog", f"{name}.txt")
        lock_cog(shop, version, interpreter.version, lock)
        build(shop, target, lock, interpreter)
        layer = Layer(target, python)
        compare(layer, prefix.generations)
    return layer


def _is_writable(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
