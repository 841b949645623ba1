"""The content store: every distinct file once, and all environments linked to it.

`store/files/ab/<sha256>`, with `-x` behind it for what may be executed. A stored file is read-only and
has a fixed time of change, so a write shows without reading it (root ignores the mode).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import threading

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase.documents import make_way
from workbench.monobase.prefix import Prefix

# 2000-01-01: the time of modification of every stored file.
STORED_NS = 946_684_800 * 10**9
_ENTRY = re.compile(r"[0-9a-f]{64}(?:-x)?")
_PLAIN, _EXECUTABLE = 0o444, 0o555
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EXDEV)


class ChangedError(WorkbenchError):
    """A stored file is gone, or was written to after it was stored."""

    def __init__(self, entry: str, path: str) -> None:
        super().__init__(
            "a file of the store was changed or removed",
            where=path,
            hint=f"`{here('monobase verify')}` lists the environments that have it, "
            f"`{here('monobase repair')}` repairs them",
        )
        self.entry = entry


class DigestMismatchError(Exception):
    """A file does not have the digest that its package lists for it."""


class FileStore:
    """The files below a prefix. An entry is a file's name there: digest and whether it is executable."""

    def __init__(self, prefix: Prefix) -> None:
        self.folder = prefix.below("store", "files")
        self._prefix = prefix
        self._renewing = threading.Lock()

    def path(self, entry: str) -> str:
        """Return where the file of `entry` is, or would be."""
        return f"{self.folder}/{entry[:2]}/{entry}"

    def put(self, file: str, expected: str = "") -> str:
        """Take the contents of `file` in, and return their entry.

        With `expected`, the sha256 that they should have, a file that is stored already is not read again:
        what is linked later is the store's. Otherwise it is read, and raises DigestMismatchError when it is
        another, before anything of it is touched: it may be a stored file that somebody wrote to.
        The store then has `file`'s inode, so its mode and time change.
        """
        suffix = "-x" if os.stat(file).st_mode & 0o100 else ""
        if expected and self.is_whole(expected + suffix):
            return expected + suffix
        found = digest(file)
        if expected and found != expected:
            raise DigestMismatchError(file)
        entry = found + suffix
        if not self.is_whole(entry):
            self.replace(entry, file)
        return entry

    def replace(self, entry: str, file: str) -> None:
        """Make `file` what is stored as `entry`; links to the previous file keep that one."""
        path = self.path(entry)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        beside = self._beside()
        _seal(file, entry)
        try:
            os.link(file, beside)
        except OSError as error:
            if error.errno not in (errno.EMLINK, *_NO_LINKS):
                raise
            # Another file system, or the inode has all the links that it can have.
            shutil.copyfile(file, beside)
            _seal(beside, entry)
        make_way(path)
        os.replace(beside, path)
        if os.path.lexists(beside):
            os.unlink(beside)  # a rename onto another link of the same inode does nothing

    def drop(self, entry: str) -> None:
        """Remove the file of `entry`; links to it keep it."""
        path = self.path(entry)
        make_way(path)
        if os.path.lexists(path):
            os.unlink(path)

    def _beside(self) -> str:
        """Return a free path for a file that is put into its place by a rename, one for each thread."""
        os.makedirs(self._prefix.stage, exist_ok=True)
        path = os.path.join(self._prefix.stage, f"store-{threading.get_ident()}")
        if os.path.lexists(path):
            os.unlink(path)
        return path

    def is_whole(self, entry: str) -> bool:
        """Return whether `entry` is stored and, by its kind, time and mode, unchanged."""
        try:
            return bool(entry) and is_sealed(os.lstat(self.path(entry)), entry)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def link(self, entry: str, to: str) -> None:
        """Link the file of `entry` to the path `to`.

        Raises ChangedError when it is gone or was written to: nothing is built of it (fault M4), and
        WorkbenchError when the file system has no hard links.
        """
        path = self.path(entry)
        if not self.is_whole(entry):
            raise ChangedError(entry, path)
        try:
            os.link(path, to)
        except OSError as error:
            if error.errno == errno.EMLINK:
                self._renew(entry)
                os.link(path, to)
            elif error.errno in _NO_LINKS:
                raise WorkbenchError(
                    f"the file system makes no hard link here: {error.strerror}",
                    where=to,
                    hint="put the whole prefix on one file system that has them, such as ext4, xfs or btrfs",
                ) from None
            else:
                raise

    def _renew(self, entry: str) -> None:
        """Give `entry` a new inode: the old one has as many links as the file system allows."""
        with self._renewing:
            path = self.path(entry)
            try:
                # Another thread may have been first.
                probe = self._beside()
                os.link(path, probe)
                os.unlink(probe)
                return
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
            copy = self._beside()
            shutil.copyfile(path, copy)
            _seal(copy, entry)
            os.replace(copy, path)

    def entries(self) -> list[str]:
        """Return every entry there is, in order, whatever its file is."""
        found = []
        for folder in sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else ():
            below = os.path.join(self.folder, folder)
            if os.path.isdir(below) and not os.path.islink(below):
                found += [name for name in os.listdir(below) if is_entry(name) and name.startswith(folder)]
        return sorted(found)


def is_entry(name: str) -> bool:
    """Return whether `name` can be that of a stored file."""
    return _ENTRY.fullmatch(name) is not None


def _seal(file: str, entry: str) -> None:
    os.chmod(file, mode_of(entry))
    os.utime(file, ns=(STORED_NS, STORED_NS))


def mode_of(entry: str) -> int:
    """Return the mode of a file of that entry."""
    return _EXECUTABLE if entry.endswith("-x") else _PLAIN


def is_sealed(status: os.stat_result, entry: str) -> bool:
    """Return whether a file looks, without reading it, as it was stored as `entry`."""
    return status.st_mtime_ns == STORED_NS and status.st_mode == stat.S_IFREG | mode_of(entry)


def digest(file: str) -> str:
    """Return the sha256 of the contents of `file`."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
