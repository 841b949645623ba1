"""A container's changes on disk: comparing two trees in every respect, and copying one over another."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator

from workbench.replicasets.errors import EngineError

# Set by whoever mounts the tree: they are no part of its content.
_NOT_COMPARED = ("trusted.overlay.impure", "trusted.overlay.origin", "trusted.overlay.nlink", "security.selinux")
# Owners, modes, setuid bits, capabilities of files, devices; and SYS_ADMIN for the attributes by which an
# overlay marks deletions: without it they are not even listed, and an incomplete copy looks complete.
_NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "SYS_ADMIN": 21, "MKNOD": 27, "SETFCAP": 31}
_ALL_USERS = ["0", "0", "4294967295"]
Fingerprint = tuple[object, ...]


def same(one: str, other: str) -> bool:
    """Return whether two trees hold the same: names, kinds, modes, owners, times, sizes, links and attributes."""
    first, second = _walk(one), _walk(other)
    while True:
        left, right = next(first, None), next(second, None)
        if left != right:
            return False
        if left is None:
            return True


def copy(source: str, target: str) -> None:
    """Replace the content of `target` by that of `source`. Raises EngineError when cp fails (a full disk …)."""
    subprocess.run(
        ["find", target, "-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "--", "{}", "+"],
        check=False,
        capture_output=True,
    )
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", "--sparse=auto", f"{source}/.", target],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"the system disk could not be copied: {last}", hint="is the engine's disk full?")


def may_copy_anything() -> bool:
    """Return whether this process has the rights to copy everything of a system disk."""
    if os.geteuid() != 0:
        return False
    with open("/proc/self/status") as file:
        effective = int(next(line.split()[1] for line in file if line.startswith("CapEff:")), 16)
    with open("/proc/self/uid_map") as users:
        is_first = users.read().split() == _ALL_USERS
    return is_first and all(effective >> number & 1 for number in _NEEDED.values())


def _walk(root: str) -> Iterator[tuple[str, Fingerprint]]:
    """Yield every path below `root` (itself as "") in order, with what is to be compared of it."""
    linked: dict[int, str] = {}

    def visit(path: str, name: str) -> Iterator[tuple[str, Fingerprint]]:
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        # A file with several names is known by the first of them.
        first = linked.setdefault(status.st_ino, name) if status.st_nlink > 1 and kind != stat.S_IFDIR else name
        size = status.st_size if kind == stat.S_IFREG else 0
        target = os.readlink(path) if kind == stat.S_IFLNK else ""
        device = status.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
        attributes = tuple(
            (each, os.getxattr(path, each, follow_symlinks=False))
            for each in sorted(os.listxattr(path, follow_symlinks=False))
            if each not in _NOT_COMPARED
        )
        yield (
            name,
            (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, size, target, device, first, attributes),
        )
        if kind == stat.S_IFDIR:
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in entries)
            for each in names:
                yield from visit(f"{path}/{each}", f"{name}/{each}")

    yield from visit(root, "")
