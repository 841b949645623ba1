"""A folder as the daemon wants it told: each entry once, parents before what is in them, in the order of bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.session.follow import followed
from workbench.images.buildkit.llb.session.patterns import Patterns

# Go's os.FileMode: kinds and special bits have places of their own.
_FOLDER, _LINK = 1 << 31, 1 << 27
_SPECIAL = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link: where it lies, and what is told of it."""

    full: str
    stat: fsutil.Stat


def entries(
    folder: str, include: Sequence[str] = (), exclude: Sequence[str] = (), follow: Sequence[str] = ()
) -> Iterator[Entry]:
    """Yield what lies in `folder`, as the patterns have it; a folder that is left out may come as a parent.

    Everything belongs to root, as in an image: who it belongs to here means nothing there. Sockets,
    pipes and devices are left out.
    """
    wanted = [*include, *(followed(folder, follow) if follow else ())]
    yield from _Walk(Patterns(wanted), bool(wanted), Patterns(exclude)).below(folder, "", [])


class _Walk:
    def __init__(self, include: Patterns, some: bool, exclude: Patterns) -> None:
        self._include, self._some, self._exclude = include, some, exclude

    def below(self, folder: str, path: str, pending: list[Entry]) -> Iterator[Entry]:
        """Yield what is in `folder`; `pending` are its parents that nobody was told of yet."""
        for name in sorted(os.listdir(folder), key=os.fsencode):
            full, inner = os.path.join(folder, name), f"{path}/{name}" if path else name
            entry = _entry(full, inner)
            if entry is None:
                continue
            excluded = self._exclude.match(inner)
            meant = not excluded and (not self._some or self._include.match(inner))
            if meant:
                yield from pending
                pending.clear()
                yield entry
            if stat.S_ISDIR(os.lstat(full).st_mode) and not (excluded and not self._exclude.has_exceptions):
                deeper = pending if meant else [*pending, entry]
                before = len(deeper)
                yield from self.below(full, inner, deeper)
                if not meant and len(deeper) < before:
                    pending.clear()


def _entry(full: str, path: str) -> Entry | None:
    try:
        found = os.lstat(full)
    except FileNotFoundError:
        return None  # it went away meanwhile
    mode, size, target = stat.S_IMODE(found.st_mode) & 0o777, 0, ""
    mode |= sum(there for here, there in _SPECIAL if found.st_mode & here)
    if stat.S_ISDIR(found.st_mode):
        mode |= _FOLDER
    elif stat.S_ISLNK(found.st_mode):
        mode, target = mode | _LINK, os.readlink(full)
    elif stat.S_ISREG(found.st_mode):
        size = found.st_size
    else:
        return None
    return Entry(full, fsutil.Stat(path=path, mode=mode, size=size, modTime=found.st_mtime_ns, linkname=target))
