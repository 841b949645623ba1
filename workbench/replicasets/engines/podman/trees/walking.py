"""Walking a tree of any depth: from folder to folder by descriptors, so that no path is too long and no link followed.

Every call names one entry of a folder that is open. A link that somebody puts in the place of an entry is an error
or is taken as a link; it never leads out of the tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

# How many folders of one tree are open at a time. Those above are opened again on the way back.
_OPEN = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Moved(OSError):
    """A folder is no longer where it was: somebody changes the tree."""


class Tree:
    """A tree that is walked. `fd` is the folder it is at, at first the root."""

    def __init__(self, root: str) -> None:
        self._root, self._descriptors, self._identities = root, [os.open(root, _FOLDER)], [(0, 0)]
        self._identities[0] = _identity(self.fd)

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._descriptors:
            if each >= 0:
                os.close(each)

    @property
    def fd(self) -> int:
        """The descriptor of the folder it is at."""
        return self._descriptors[-1]

    def down(self, name: str) -> None:
        """Go into a folder of the present one; raises OSError when it is none, or is a link."""
        inner = os.open(name, _FOLDER, dir_fd=self.fd)
        self._descriptors.append(inner)
        self._identities.append(_identity(inner))
        far = len(self._descriptors) - _OPEN - 1
        if far > 0:
            os.close(self._descriptors[far])
            self._descriptors[far] = -1

    def up(self) -> None:
        """Go back to the folder above; raises Moved when that is another one than before."""
        above = self._descriptors[-2]
        if above < 0:
            above = os.open("..", _FOLDER, dir_fd=self.fd)
            if _identity(above) != self._identities[-2]:
                os.close(above)
                raise Moved(f"a folder {len(self._descriptors)} levels below {self._root} was moved")
            self._descriptors[-2] = above
        os.close(self._descriptors.pop())
        self._identities.pop()

    def place(self, name: str) -> str:
        """Return a short path of an entry of the present folder, for calls that take no descriptor."""
        return f"/proc/self/fd/{self.fd}/{name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the folder that the tree is at. A folder comes twice: before its content, and (`after`) behind it."""

    name: str
    status: os.stat_result
    after: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return stat.S_ISDIR(self.status.st_mode)


def entries(tree: Tree) -> Iterator[Entry]:
    """Yield everything below the folder that the tree is at, in order; between two steps the tree is at the entry's."""
    stack: list[tuple[Iterator[str], Entry | None]] = [(_names(tree), None)]
    while stack:
        names, folder = stack[-1]
        name = next(names, None)
        if name is not None:
            entry = Entry(name, os.stat(name, dir_fd=tree.fd, follow_symlinks=False))
            yield entry
            if entry.is_folder:
                tree.down(name)
                stack.append((_names(tree), entry))
            continue
        stack.pop()
        if folder is not None:
            tree.up()
            yield Entry(folder.name, folder.status, after=True)


def clear(root: str) -> None:
    """Remove everything below the folder `root`. Raises OSError."""
    with Tree(root) as tree:
        for entry in entries(tree):
            if entry.after:
                os.rmdir(entry.name, dir_fd=tree.fd)
            elif not entry.is_folder:
                with suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=tree.fd)


def allocated(root: str) -> int:
    """Return the bytes that a tree takes on its disk: holes count for nothing, a file of many names once."""
    seen: set[int] = set()
    with Tree(root) as tree:
        total = os.fstat(tree.fd).st_blocks
        for entry in entries(tree):
            if entry.after:
                continue
            if entry.status.st_nlink > 1 and not entry.is_folder:
                if entry.status.st_ino in seen:
                    continue
                seen.add(entry.status.st_ino)
            total += entry.status.st_blocks
    return total * 512


def _names(tree: Tree) -> Iterator[str]:
    return iter(sorted(os.listdir(tree.fd)))


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
