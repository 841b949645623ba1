"""Lays what some trees have changed over another tree. Runs inside a build, with whatever Python the base has.

    join.py apply|compare REPORT LOWER UPPER [LOWER UPPER ...]

Each UPPER is a tree that was once as its LOWER. With `apply` the changes of the second and later ones are
made to the first UPPER too, in order, the last winning. REPORT is a folder: `conflicts` in it tells which
paths more than one of them changed, and not to the same. Imports only what every Python (3.7 on) starts with.
"""

from __future__ import annotations

import os
import stat
import sys

# As many conflicts are named; the first line of the report counts all.
NAMED = 1000
_BLOCK = 1 << 20


class TreeChanges:
    """What `upper` has changed of `lower`; paths begin with a slash, and that of the root is empty."""

    def __init__(self, lower: dict[bytes, os.stat_result], below: bytes, above: bytes) -> None:
        self.top = above
        self.upper = scan(above)
        self.removed = set(lower) - set(self.upper)
        self.changed: set[bytes] = set()
        # Folders in which something changed: their times come last, because what is done in them sets new ones.
        self.touched: set[bytes] = set()
        for path, now in self.upper.items():
            before = lower.get(path)
            if before is None or _differ(below + path, before, above + path, now):
                self.changed.add(path)
            if stat.S_ISDIR(now.st_mode) and (before is None or before.st_mtime_ns != now.st_mtime_ns):
                self.touched.add(path)

    def takes_away(self, path: bytes) -> bool:
        """Return whether nothing can be below `path` any more."""
        return path in self.removed or (path in self.changed and not stat.S_ISDIR(self.upper[path].st_mode))


def scan(top: bytes) -> dict[bytes, os.stat_result]:
    """Return what is in the tree, the root too, by path; no link is followed."""
    found = {b"": os.lstat(top)}
    folders = [b""]
    while folders:
        folder = folders.pop()
        with os.scandir(top + folder + b"/") as entries:
            for entry in entries:
                path = folder + b"/" + entry.name
                info = found[path] = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    folders.append(path)
    return found


def conflicts(every: list[TreeChanges]) -> list[tuple[int, int, bytes]]:
    """Return which two changed which path, and not to the same."""
    found = []
    for second in range(len(every)):
        for first in range(second):
            one, other = every[first], every[second]
            both = (one.removed | one.changed) & (other.removed | other.changed)
            clashing = {path for path in both if not _same(one, other, path)}
            clashing |= {path for path in one.changed - both if _buried(path, other)}
            clashing |= {path for path in other.changed - both if _buried(path, one)}
            found += [(first, second, path) for path in sorted(clashing)]
    return found


def _buried(path: bytes, other: TreeChanges) -> bool:
    """Return whether `other` has no folder any more that `path` could be in."""
    parent = path.rpartition(b"/")[0]
    while parent:
        if other.takes_away(parent):
            return True
        parent = parent.rpartition(b"/")[0]
    return False


def _same(one: TreeChanges, other: TreeChanges, path: bytes) -> bool:
    if path in one.removed or path in other.removed:
        return path in one.removed and path in other.removed
    before, now = one.upper[path], other.upper[path]
    if (before.st_mode, before.st_uid, before.st_gid) != (now.st_mode, now.st_uid, now.st_gid):
        return False
    return _same_content(one.top + path, before, other.top + path, now)


def _differ(below: bytes, before: os.stat_result, above: bytes, now: os.stat_result) -> bool:
    if (before.st_mode, before.st_uid, before.st_gid) != (now.st_mode, now.st_uid, now.st_gid):
        return True
    folder = stat.S_ISDIR(now.st_mode)
    if not folder and before.st_mtime_ns != now.st_mtime_ns:
        return True
    # A file that nobody touched is the very same one, in a layer of both: only others have to be read.
    if before.st_ctime_ns == now.st_ctime_ns and (folder or before.st_ino == now.st_ino):
        return False
    if not folder and before.st_nlink != now.st_nlink:
        return True
    return not _same_content(below, before, above, now) or _attributes(below) != _attributes(above)


def _same_content(one: bytes, before: os.stat_result, other: bytes, now: os.stat_result) -> bool:
    if stat.S_ISLNK(now.st_mode):
        return os.readlink(one) == os.readlink(other)
    if not stat.S_ISREG(now.st_mode):
        return before.st_rdev == now.st_rdev
    if before.st_size != now.st_size:
        return False
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            block = left.read(_BLOCK)
            if block != right.read(_BLOCK):
                return False
            if not block:
                return True


def _attributes(path: bytes) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    except OSError:
        return {}


class Target:
    """The tree that is changed. Nothing of it is followed out of it: what is not a folder is replaced by one."""

    def __init__(self, top: bytes) -> None:
        self.top = top
        self.times: dict[bytes, os.stat_result] = {}

    def apply(self, made: TreeChanges) -> None:
        """Make the changes here too."""
        for path in sorted(made.removed):
            if path.rpartition(b"/")[0] not in made.removed and self._folder(path.rpartition(b"/")[0]):
                _remove(self.top + path)
        self.times.update((path, made.upper[path]) for path in made.touched)
        links: dict[tuple[int, int], bytes] = {}
        sound = {b""}
        for path in sorted(made.changed):
            self._make_way(path.rpartition(b"/")[0], made, sound)
            self._put(path, made, links)

    def finish(self) -> None:
        """Give folders the times that they had where they were changed: every change in them has set new ones."""
        for path in sorted(self.times, reverse=True):
            if self._folder(path):
                info = self.times[path]
                os.utime(self.top + path, ns=(info.st_atime_ns, info.st_mtime_ns))

    def _folder(self, path: bytes) -> bool:
        """Return whether `path` and all above it are folders here, not links to some."""
        parts = path.split(b"/")
        return all(_is_folder(self.top + b"/".join(parts[: end + 1])) for end in range(len(parts)))

    def _make_way(self, path: bytes, made: TreeChanges, sound: set[bytes]) -> None:
        missing = []
        while path not in sound:
            missing.append(path)
            path = path.rpartition(b"/")[0]
        for folder in reversed(missing):
            if not _is_folder(self.top + folder):
                self._put(folder, made, {})
                self.times[folder] = made.upper[folder]
            sound.add(folder)

    def _put(self, path: bytes, made: TreeChanges, links: dict[tuple[int, int], bytes]) -> None:
        source, target, info = made.top + path, self.top + path, made.upper[path]
        kind = stat.S_IFMT(info.st_mode)
        if kind != stat.S_IFDIR or not _is_folder(target):
            _remove(target)
            if kind == stat.S_IFREG and info.st_nlink > 1:
                known = links.setdefault((info.st_dev, info.st_ino), target)
                if known != target:
                    os.link(known, target, follow_symlinks=False)
                    return
            _make(kind, source, target, info)
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
        if kind != stat.S_IFLNK:
            os.chmod(target, stat.S_IMODE(info.st_mode))
        wanted, there = _attributes(source), _attributes(target)
        for name in sorted(set(wanted) | set(there)):
            try:
                if name not in wanted:
                    os.removexattr(target, name, follow_symlinks=False)
                elif wanted[name] != there.get(name):
                    os.setxattr(target, name, wanted[name], follow_symlinks=False)
            except OSError as error:
                say(f"{error.strerror}, so the attribute {name} is not kept: ", shown(path))
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)


def _make(kind: int, source: bytes, target: bytes, info: os.stat_result) -> None:
    if kind == stat.S_IFDIR:
        os.mkdir(target)
    elif kind == stat.S_IFLNK:
        os.symlink(os.readlink(source), target)
    elif kind == stat.S_IFREG:
        with open(source, "rb") as read, open(target, "xb") as write:
            while os.sendfile(write.fileno(), read.fileno(), None, 1 << 30):
                pass
    else:
        os.mknod(target, info.st_mode, info.st_rdev)


def _is_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _remove(path: bytes) -> None:
    if not os.path.lexists(path):
        return
    if not _is_folder(path):
        os.unlink(path)
        return
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            below = os.path.join(folder, name)
            (os.rmdir if _is_folder(below) else os.unlink)(below)
    os.rmdir(path)


def shown(path: bytes) -> bytes:
    """Return the path as a report has it: on one line."""
    return (path or b"/").replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def say(text: str, path: bytes = b"") -> None:
    """Print a line; a name may have any byte."""
    sys.stdout.buffer.write(b"join: " + text.encode() + path + b"\n")


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    mode, report, *trees = (os.fsencode(one) for one in arguments)
    seen: dict[bytes, dict[bytes, os.stat_result]] = {}
    every = []
    for number in range(0, len(trees), 2):
        below, above = trees[number : number + 2]
        if below not in seen:
            seen[below] = scan(below)
        every.append(TreeChanges(seen[below], below, above))
    found = conflicts(every)
    with open(os.path.join(report, b"conflicts"), "wb") as file:
        file.write(b"%d\n" % len(found))
        file.writelines(b"%d,%d %s\n" % (first, second, shown(path)) for first, second, path in found[:NAMED])
    for first, second, path in found[:NAMED]:
        say(f"branches {first + 1} and {second + 1} both change ", shown(path))
    if mode == b"apply":
        target = Target(every[0].top)
        for made in every[1:]:
            target.apply(made)
        target.finish()
    say("changed " + ", ".join(f"{len(one.changed)} and removed {len(one.removed)}" for one in every))


if __name__ == "__main__":
    main(sys.argv[1:])
