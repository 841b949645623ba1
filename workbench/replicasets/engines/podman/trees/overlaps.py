"""What a container changed on its image, beside what the next image changed at the same paths."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.replicasets.engines.podman.trees.layers import Found, View, is_opaque, is_whiteout, same_attributes
from workbench.replicasets.engines.podman.trees.walking import Entry, Tree, entries
from workbench.replicasets.errors import EngineError

_OF_LOWER = tuple(f"{space}.overlay.{name}" for space in ("trusted", "user") for name in ("redirect", "metacopy"))
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20
_BYTECODE = ".pyc"
# podman appends an entry for the container's user as it starts (libpod/container_internal_common.go, 4.3).
_ENTRIES, _ENTRY = ("etc/group", "etc/passwd"), re.compile(rb"(?:[0-9]+:[x*]:[0-9]+:[^\n]*\n)+")
_LARGEST_ENTRIES = 1 << 20
# Rows are kept in memory, with their paths.
_MOST_ROWS = 2_000_000
_LONGEST = 4095


@dataclass(frozen=True, slots=True)
class Row:
    """A path of a container's layer: what it is there, and what the old and the next image have.

    `hides` is whether it stands for the whole folder that the old image had. `moved` is whether the images differ in
    it, `is_next` whether it is what the next image has, `is_old` whether it is as the old image has it: of a folder
    what it is itself, whatever is in it. `bytecode` are the paths of the next image's compiled files of a source.
    """

    path: str
    mine: str
    before: Found | None
    now: Found | None
    moved: bool
    hides: bool = False
    is_next: bool = False
    is_old: bool = False
    bytecode: tuple[str, ...] = ()

    @property
    def is_removed(self) -> bool:
        """Whether it marks a deletion."""
        return self.mine == "removed"

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder that was there before as well, or that was made."""
        return self.mine == "folder"

    @property
    def change(self) -> str:
        """What was done to it in the container: added, changed, removed."""
        return "removed" if self.is_removed else "changed" if self.before is not None else "added"

    @property
    def change_of_image(self) -> str:
        """What the next image did to it."""
        return "removed" if self.now is None else "changed" if self.before is not None else "added"

    @property
    def overlaps(self) -> bool:
        """Whether both changed it, each in its way. What the image removed, and is still here, is no loss."""
        if self.now is None or not self.moved or self.is_next or (self.is_old and not self.is_folder):
            return False
        return not self.is_folder or self.hides or not self.now.is_folder


def rows(upper: str, old: View, new: View) -> Iterator[Row]:
    """Yield every path of the layer `upper`, folders before what is in them. Raises EngineError, OSError."""
    above: list[str] = []
    views, count = [(old, new)], 0
    with Tree(upper) as tree:
        for entry in entries(tree):
            if entry.after:
                above.pop()
                views.pop()
                continue
            path = f"{above[-1]}/{entry.name}" if above else entry.name
            count += 1
            _check(tree, entry, path, count)
            yield _row(tree, entry, path, *views[-1])
            if entry.is_folder:
                before, now = views[-1]
                hidden = is_opaque(tree.place(entry.name))
                above.append(path)
                views.append((View(), View()) if hidden else (before.below(entry.name), now.below(entry.name)))


def _check(tree: Tree, entry: Entry, path: str, count: int) -> None:
    if len(os.fsencode(path)) > _LONGEST or count > _MOST_ROWS:
        what = f"more than {_MOST_ROWS:,} changes" if count > _MOST_ROWS else "a path of more than 4,095 bytes"
        raise EngineError(f"the disk has {what}, and cannot go to another image", hint="remove what is not needed")
    if entry.name.startswith(".wh."):
        raise EngineError("the disk is on an overlay that marks deletions by names, and cannot go to another image")
    for each in os.listxattr(tree.place(entry.name), follow_symlinks=False):
        if each in _OF_LOWER:
            raise EngineError(f"/{path} is kept in part in the old image, and cannot go to another one")


def _row(tree: Tree, entry: Entry, path: str, old: View, new: View) -> Row:
    name, status = entry.name, entry.status
    before, now = old.entry(name), new.entry(name)
    if is_whiteout(status):
        return Row(path, "removed", before, now, _moved(old, new, name, before, now))
    if entry.is_folder:
        hides = is_opaque(tree.place(name))
        moved = _moved(old, new, name, before, now) if hides else now is None or not now.is_folder
        is_old = before is not None and same_attributes(status, before.status)
        return Row(path, "folder", before, now, moved, hides=hides, is_old=is_old and not hides)
    moved = _moved(old, new, name, before, now)
    is_old = moved and before is not None and (_equal(tree, entry, before) or _is_podmans(tree, path, entry, before))
    is_next = moved and now is not None and _equal(tree, entry, now)
    compiled = _bytecode(path, new) if name.endswith(".py") else ()
    return Row(path, "file", before, now, moved, is_next=is_next, is_old=is_old, bytecode=compiled)


def _moved(old: View, new: View, name: str, before: Found | None, now: Found | None) -> bool:
    """Return whether two images differ in what they have of a name, and in all that is below it."""
    if before is None or now is None:
        return before is not now
    if not before.same(now):
        return True
    return before.is_folder and not old.below(name).same(new.below(name))


def _bytecode(path: str, new: View) -> tuple[str, ...]:
    folder, _, name = path.rpartition("/")
    compiled = new.below("__pycache__").names()
    begin = f"{name.removesuffix('.py')}."
    return tuple(
        f"{folder}/__pycache__/{each}".lstrip("/")
        for each in sorted(compiled)
        if each.startswith(begin) and each.endswith(_BYTECODE)
    )


def _is_podmans(tree: Tree, path: str, entry: Entry, before: Found) -> bool:
    """Return whether nothing was added to a list of users or groups but what podman adds."""
    kinds = (stat.S_IFMT(entry.status.st_mode), stat.S_IFMT(before.status.st_mode))
    if path not in _ENTRIES or kinds != (stat.S_IFREG, stat.S_IFREG) or entry.status.st_size > _LARGEST_ENTRIES:
        return False
    with open(before.place, "rb") as file:
        known = file.read(_LARGEST_ENTRIES)
    mine = os.open(entry.name, _OLD, dir_fd=tree.fd)
    try:
        found = os.read(mine, _LARGEST_ENTRIES)
    finally:
        os.close(mine)
    return found.startswith(known) and _ENTRY.fullmatch(found, len(known)) is not None


def _equal(tree: Tree, entry: Entry, other: Found) -> bool:
    """Return whether an entry is what another image has; read by its descriptor, for whoever runs there may move it."""
    if not same_attributes(entry.status, other.status):
        return False
    if stat.S_ISLNK(entry.status.st_mode):
        return os.readlink(entry.name, dir_fd=tree.fd) == os.readlink(other.place)
    if not stat.S_ISREG(entry.status.st_mode):
        return entry.status.st_rdev == other.status.st_rdev
    if entry.status.st_size != other.status.st_size:
        return False
    mine = os.open(entry.name, _OLD, dir_fd=tree.fd)
    try:
        with open(other.place, "rb") as file:
            while piece := file.read(_PIECE):
                if os.read(mine, len(piece)) != piece:
                    return False
            return not os.read(mine, 1)
    finally:
        os.close(mine)
