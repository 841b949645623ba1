"""How much a prefix takes on the disk: each inode once, however many links it has."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from workbench.monobase import layout
from workbench.monobase.environment import DONE
from workbench.monobase.prefix import Prefix
from workbench.monobase.reports import SIZES, read_report, write_report

# The unit of `st_blocks`, whatever the blocks of the file system are.
BLOCK = 512


@dataclass(frozen=True, slots=True)
class PrefixSizes:
    """Bytes on the disk: of the whole prefix, and of each generation.

    `apparent` are those of all of its files, `own` those that no other generation has.
    """

    total: int
    apparent: Mapping[str, int]
    own: Mapping[str, int]


def measure(prefix: Prefix) -> PrefixSizes:
    """Measure the prefix: every name below it is looked at once. What goes meanwhile does not count."""
    names = {os.path.relpath(folder.path, prefix.root): folder.name for folder in layout.folders(prefix)}
    apparent, own = dict.fromkeys(names.values(), 0), dict.fromkeys(names.values(), 0)
    sizes: dict[int, int] = {}
    # The one generation that has an inode; "" when several have.
    only: dict[int, str] = {}
    for path, status in _tree_below(prefix.root):
        size = sizes[status.st_ino] = status.st_blocks * BLOCK
        name = names.get("/".join(path.split("/", 2)[:2]), "")
        if name and not stat.S_ISDIR(status.st_mode):
            apparent[name] += size
            only[status.st_ino] = name if only.get(status.st_ino, name) == name else ""
    for inode, name in only.items():
        if name:
            own[name] += sizes[inode]
    return PrefixSizes(sum(sizes.values()), apparent, own)


def current_sizes(prefix: Prefix) -> PrefixSizes:
    """Return the sizes of the prefix, measured again when something was built or removed since the last time.

    The result is kept where the prefix can be written.
    """
    now = fingerprint(prefix)
    data = read_report(prefix, SIZES)
    with contextlib.suppress(KeyError, TypeError, ValueError):
        if data["of"] == now:
            return PrefixSizes(int(data["total"]), dict(data["apparent"]), dict(data["own"]))
    sizes = measure(prefix)
    write_report(prefix, SIZES, {"of": now, **asdict(sizes)})
    return sizes


def fingerprint(prefix: Prefix) -> str:
    """Return what changes whenever something is built, repaired or removed, and is quick to look at."""
    found = []
    for path in (prefix.below("store", "wheels"), prefix.below("uv"), prefix.below("uv", "cache")):
        found.append((path, _changed(path)))
    for folder in layout.folders(prefix):
        with contextlib.suppress(FileNotFoundError):
            found += [(path, _changed(os.path.join(path, DONE))) for path in (folder.path, *folder.environments())]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _changed(path: str) -> tuple[int, int]:
    try:
        found = os.lstat(path)
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _tree_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below `folder` by its path there; builders make and remove things meanwhile."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    yield f"{below}{entry.name}", entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{below}{entry.name}/")
