"""Copying one tree over another, in every respect that `same` compares; holes stay holes."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from contextlib import nullcontext, suppress

from workbench.replicasets.engines.podman.trees.comparing import NOT_COMPARED
from workbench.replicasets.engines.podman.trees.walking import Entry, Moved, Tree, clear, entries

# <linux/fs.h>: both files share the data on disk, where the file system can do that (btrfs, XFS).
_FICLONE = 0x40049409
_PIECE = 1 << 30
_CANNOT = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for a pipe's other end, should one have taken the file's place.
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def copy_tree(source: str, target: str) -> None:
    """Replace the content of the folder `target` by that of `source`, and its attributes too. Raises OSError."""
    clear(target)
    with Tree(source) as old, Tree(target) as new:
        names = _Names(new)
        for entry in entries(old):
            if entry.is_folder:
                if entry.after:
                    new.up()
                    _attributes(old, new, entry)
                else:
                    os.mkdir(entry.name, 0o700, dir_fd=new.fd)
                    new.down(entry.name)
            elif not names.link(entry, new):
                _make(old, new, entry)
                names.keep(entry, new)
        names.close(new)
        for each in set(os.listxattr(new.fd)) - set(os.listxattr(old.fd)) - NOT_COMPARED:
            os.removexattr(new.fd, each)
        _attributes(old, new, Entry(".", os.fstat(old.fd)))


class _Names:
    """Files of several names. The first copy is linked in a folder below the root too, where the others find it.

    Its path could be too long by then, and there may be more such files than descriptors.
    """

    def __init__(self, root: Tree) -> None:
        self._left: dict[int, int] = {}
        self._name = f".{secrets.token_hex(16)}"
        os.mkdir(self._name, 0o700, dir_fd=root.fd)
        self._fd = os.open(self._name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root.fd)

    def link(self, entry: Entry, new: Tree) -> bool:
        """Give the copy that was made already this name too; return whether there was one."""
        inode = entry.status.st_ino
        left = self._left.get(inode)
        if left is None:
            return False
        if left == 1:
            # The last one is moved: a file may already have as many names as the file system allows.
            os.rename(str(inode), entry.name, src_dir_fd=self._fd, dst_dir_fd=new.fd)
            del self._left[inode]
        else:
            os.link(str(inode), entry.name, src_dir_fd=self._fd, dst_dir_fd=new.fd, follow_symlinks=False)
            self._left[inode] = left - 1
        return True

    def keep(self, entry: Entry, new: Tree) -> None:
        """Make a copy known by which other names may follow."""
        if entry.status.st_nlink > 1:
            inode = entry.status.st_ino
            os.link(entry.name, str(inode), src_dir_fd=new.fd, dst_dir_fd=self._fd, follow_symlinks=False)
            self._left[inode] = entry.status.st_nlink - 1

    def close(self, root: Tree) -> None:
        """Remove the folder: names of other trees may be left in it."""
        for name in os.listdir(self._fd):
            os.unlink(name, dir_fd=self._fd)
        os.close(self._fd)
        os.rmdir(self._name, dir_fd=root.fd)


def _make(old: Tree, new: Tree, entry: Entry) -> None:
    """Make anything but a folder, with its attributes."""
    mode = entry.status.st_mode
    if stat.S_ISREG(mode):
        _file(old, new, entry)
        return
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(entry.name, dir_fd=old.fd), entry.name, dir_fd=new.fd)
    else:
        # Pipes, sockets, and devices, by which an overlay marks deletions too.
        os.mknod(entry.name, stat.S_IFMT(mode) | 0o600, entry.status.st_rdev, dir_fd=new.fd)
    _attributes(old, new, entry)


def _file(old: Tree, new: Tree, entry: Entry) -> None:
    source = os.open(entry.name, _OLD, dir_fd=old.fd)
    try:
        status = os.fstat(source)
        if (status.st_dev, status.st_ino) != (entry.status.st_dev, entry.status.st_ino):
            raise Moved(f"{entry.name} was replaced")
        target = os.open(entry.name, _NEW, 0o600, dir_fd=new.fd)
        try:
            _content(source, target, status.st_size)
            _owned(old, new, entry)
            os.fchmod(target, stat.S_IMODE(entry.status.st_mode))
            os.utime(target, ns=(entry.status.st_atime_ns, entry.status.st_mtime_ns))
        finally:
            os.close(target)
    finally:
        os.close(source)


def _attributes(old: Tree, new: Tree, entry: Entry) -> None:
    """Set owner, attributes, mode and times, in an order in which none undoes another."""
    _owned(old, new, entry)
    if not stat.S_ISLNK(entry.status.st_mode):
        found = os.open(entry.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=new.fd)
        try:
            if stat.S_IFMT(os.fstat(found).st_mode) != stat.S_IFMT(entry.status.st_mode):
                raise Moved(f"{entry.name} was replaced")
            os.chmod(f"/proc/self/fd/{found}", stat.S_IMODE(entry.status.st_mode))
        finally:
            os.close(found)
    times = (entry.status.st_atime_ns, entry.status.st_mtime_ns)
    os.utime(entry.name, ns=times, dir_fd=new.fd, follow_symlinks=False)


def _owned(old: Tree, new: Tree, entry: Entry) -> None:
    os.chown(entry.name, entry.status.st_uid, entry.status.st_gid, dir_fd=new.fd, follow_symlinks=False)
    place, new_place = old.place(entry.name), new.place(entry.name)
    for each in os.listxattr(place, follow_symlinks=False):
        with suppress(OSError) if each in NOT_COMPARED else nullcontext():
            os.setxattr(new_place, each, os.getxattr(place, each, follow_symlinks=False), follow_symlinks=False)


def _content(source: int, target: int, size: int) -> None:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        pass  # copied, then
    else:
        return
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # nothing but a hole
        end = min(os.lseek(source, at, os.SEEK_HOLE), size)
        while at < end:
            at += _piece(source, target, at, min(end - at, _PIECE))
    os.ftruncate(target, size)


def _piece(source: int, target: int, at: int, count: int) -> int:
    """Copy up to `count` bytes from the position `at` and return how many; raises Moved when there are none."""
    try:
        copied = os.copy_file_range(source, target, count, at, at)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        copied = os.pwrite(target, os.pread(source, min(count, 1 << 20), at), at)
    if not copied:
        raise Moved("a file got shorter while it was copied")
    return copied
