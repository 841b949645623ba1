"""What lies in the folder of a frozen release, file by file and folder by folder: kinds and modes, not contents."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from workbench.catalog.frozen import FrozenTree
from workbench.catalog.releases import SUMS

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def is_file(frozen: FrozenTree, path: str) -> bool:
    """Return whether a plain file is at `path`, and no folder above it is a link."""
    try:
        modes = [os.lstat(frozen.full(each)).st_mode for each in (*_above(path), path)]
    except OSError:
        return False
    return stat.S_ISREG(modes[-1]) and all(stat.S_ISDIR(mode) for mode in modes[:-1])


def folder_faults(frozen: FrozenTree) -> Iterator[tuple[str, str]]:
    """Yield everything in the folder that is not as the record lists it, but for contents, each with its place."""
    recorded = {*frozen.record.sums, SUMS}
    empty = {path.rstrip("/") for path in frozen.record.folders}
    folders = {"", *empty, *(above for path in (*recorded, *empty) for above in _above(path))}
    links = [path for path in sorted(folders) if path and os.path.islink(frozen.full(path))]
    for path in links:
        yield frozen.place(path), "is a link, and was a folder when it was frozen"
    for path in sorted(empty):
        if not os.path.isdir(frozen.full(path)):
            yield frozen.place(f"{path}/"), "is missing, and was an empty folder when it was frozen"
    for path in sorted(recorded):
        if not any(path.startswith(f"{link}/") for link in links):
            yield from _file_faults(frozen, path)
    yield from _unrecorded(frozen, recorded, folders)


def _file_faults(frozen: FrozenTree, path: str) -> Iterator[tuple[str, str]]:
    try:
        mode = os.lstat(frozen.full(path)).st_mode
    except OSError:
        yield frozen.place(path), "is missing, and was there when it was frozen"
        return
    if stat.S_ISLNK(mode):
        yield frozen.place(path), "is a link, and was a file when it was frozen"
    elif not stat.S_ISREG(mode):
        yield frozen.place(path), "is no plain file, and was one when it was frozen"
    elif mode & _SPECIAL_BITS or mode & stat.S_IWOTH or not mode & stat.S_IRUSR:
        yield (
            frozen.place(path),
            f"has the mode {stat.S_IMODE(mode):04o}: its owner must be able to read it, nobody else to write it, and "
            "setuid, setgid and sticky are no part of a release",
        )
    elif path != SUMS and bool(mode & stat.S_IXUSR) != frozen.executable(path):
        yield frozen.place(path), "may be executed, or not, otherwise than when it was frozen"


def _unrecorded(frozen: FrozenTree, recorded: set[str], folders: set[str]) -> Iterator[tuple[str, str]]:
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(frozen.full(below)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield frozen.place(below), f"cannot be read: {error.strerror}"
            continue
        if not listed and below not in folders:
            yield frozen.place(f"{below}/"), "is an empty folder, and was not there when it was frozen"
        for entry in listed:
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif path not in recorded and path not in folders:
                yield frozen.place(path), "was not there when it was frozen"


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
