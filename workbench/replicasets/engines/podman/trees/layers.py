"""The disk of an image, read from the folders of its layers as an overlay shows them; no link is followed.

Marks of an overlay: a character device 0/0 stands for a deletion, the attribute `opaque` of a folder hides those of
that name in the layers below (Linux, Documentation/filesystems/overlayfs.rst, 6.12).
"""

from __future__ import annotations

import filecmp
import os
import stat
from contextlib import suppress
from dataclasses import dataclass

_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def is_whiteout(status: os.stat_result) -> bool:
    """Return whether what has this status marks a deletion."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(folder: str) -> bool:
    """Return whether a folder of a layer hides those of its name in the layers below."""
    for name in _OPAQUE:
        with suppress(OSError):
            if os.getxattr(folder, name, follow_symlinks=False) == b"y":
                return True
    return False


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path: the path in its layer, and its status."""

    place: str
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return stat.S_ISDIR(self.status.st_mode)

    def same(self, other: Found) -> bool:
        """Return whether both are of one kind, mode, owner and content; times do not count, nor what a folder holds."""
        if self.place == other.place:
            return True
        if not same_attributes(self.status, other.status):
            return False
        if stat.S_ISREG(self.status.st_mode):
            equal_size = self.status.st_size == other.status.st_size
            return equal_size and filecmp.cmp(self.place, other.place, shallow=False)
        if stat.S_ISLNK(self.status.st_mode):
            return os.readlink(self.place) == os.readlink(other.place)
        return self.is_folder or self.status.st_rdev == other.status.st_rdev


def same_attributes(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether kind, mode and owners are the same."""
    return (one.st_mode, one.st_uid, one.st_gid) == (other.st_mode, other.st_uid, other.st_gid)


@dataclass(frozen=True, slots=True)
class View:
    """A folder of an image, by the folders of its layers that make it, the upper one first; no folders for none."""

    folders: tuple[str, ...] = ()

    def entry(self, name: str) -> Found | None:
        """Return what the folder has of that name, None for nothing."""
        for folder in self.folders:
            found = _found(f"{folder}/{name}")
            if found is not None:
                return None if is_whiteout(found.status) else found
        return None

    def below(self, name: str) -> View:
        """Return the folder of that name; an empty view where there is none."""
        folders = []
        for folder in self.folders:
            found = _found(f"{folder}/{name}")
            if found is None:
                continue
            if not found.is_folder:
                break
            folders.append(found.place)
            if is_opaque(found.place):
                break
        return View(tuple(folders))

    def names(self) -> set[str]:
        """Return the names of what is in the folder."""
        return {name for folder in self.folders for name in os.listdir(folder) if self.entry(name) is not None}

    def find(self, path: str) -> Found | None:
        """Return what is at a path below the folder."""
        *folders, name = path.split("/")
        view = self
        for each in folders:
            view = view.below(each)
        return view.entry(name)

    def same(self, other: View) -> bool:
        """Return whether two folders hold the same, all that is below them too."""
        waiting = [(self, other)]
        while waiting:
            one, two = waiting.pop()
            if one.folders == two.folders:
                continue
            names = one.names()
            if names != two.names():
                return False
            for name in names:
                mine, others = one.entry(name), two.entry(name)
                if mine is None or others is None or not mine.same(others):
                    return False
                if mine.is_folder:
                    waiting.append((one.below(name), two.below(name)))
        return True


def _found(path: str) -> Found | None:
    try:
        return Found(path, os.lstat(path))
    except OSError:
        return None  # a path that is too long for this is in no layer of an image either
