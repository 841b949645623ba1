"""Comparing two trees in every respect but the bytes of files: those of a size and time are taken to be the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import zip_longest

from workbench.replicasets.engines.podman.trees.walking import Entry, Tree, entries

# Set by whoever mounts the tree: they are no part of its content.
_OF_THE_OVERLAY = ("impure", "origin", "nlink", "uuid")
NOT_COMPARED = frozenset(
    {"security.selinux"} | {f"{space}.overlay.{name}" for space in ("trusted", "user") for name in _OF_THE_OVERLAY}
)
Fingerprint = tuple[object, ...]


def same(one: str, other: str) -> bool:
    """Return whether two trees hold the same: names, kinds, modes, owners, times, sizes, links and attributes."""
    with Tree(one) as first, Tree(other) as second:
        return all(left == right for left, right in zip_longest(_fingerprints(first), _fingerprints(second)))


def _fingerprints(tree: Tree) -> Iterator[Fingerprint]:
    """Yield what is to be compared of the root and of everything below it, in order."""
    # A file with several names is known by where the first of them was.
    first: dict[int, int] = {}
    yield _fingerprint(tree, Entry(".", os.fstat(tree.fd)), 0)
    for number, entry in enumerate(entries(tree)):
        if entry.after:
            yield (entry.name,)
        elif entry.status.st_nlink > 1 and not entry.is_folder:
            yield _fingerprint(tree, entry, first.setdefault(entry.status.st_ino, number))
        else:
            yield _fingerprint(tree, entry, number)


def _fingerprint(tree: Tree, entry: Entry, first: int) -> Fingerprint:
    status, place = entry.status, tree.place(entry.name)
    kind = stat.S_IFMT(status.st_mode)
    attributes = tuple(
        (each, os.getxattr(place, each, follow_symlinks=False))
        for each in sorted(os.listxattr(place, follow_symlinks=False))
        if each not in NOT_COMPARED
    )
    return (
        entry.name,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns,
        status.st_size if kind == stat.S_IFREG else 0,
        os.readlink(entry.name, dir_fd=tree.fd) if kind == stat.S_IFLNK else "",
        status.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0,
        first,
        attributes,
    )
