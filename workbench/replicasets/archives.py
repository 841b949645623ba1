"""Archives of files (tar) that go to and come from a set, on the client's side.

What comes is written by whoever uses the set: nothing of it is written outside of its own folder. The Python of a
machine may be one whose `tarfile` can be led out (3.11.7, 2026), so nothing is extracted by it: it only reads.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from workbench.errors import WorkbenchError
from workbench.files import unfollowed

_PIECE = 1 << 20
_BLOCK = tarfile.BLOCKSIZE


@dataclass
class Copied:
    """How many files and bytes were copied, and what could not be: a line for each."""

    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list)


def pack(source: str, name: str, copied: Copied) -> Iterator[bytes]:
    """Yield the archive of a file or folder under another name; raises WorkbenchError.

    Links within it stay links. It is no one's: whoever unpacks it owns it.
    """
    waiting = [(os.path.realpath(source), name)]
    while waiting:
        path, inside = waiting.pop()
        try:
            found = os.lstat(path)
            if stat.S_ISDIR(found.st_mode):
                yield _head(inside, found, tarfile.DIRTYPE)
                waiting += [(os.path.join(path, each), f"{inside}/{each}") for each in sorted(os.listdir(path))[::-1]]
            elif stat.S_ISLNK(found.st_mode):
                yield _head(inside, found, tarfile.SYMTYPE, os.readlink(path))
            elif stat.S_ISREG(found.st_mode):
                yield from _packed(path, inside, copied)
            else:
                copied.left_out.append(f"{shown(path)} is no file, folder or link")
        except OSError as error:
            raise WorkbenchError(f"{shown(path)} cannot be read: {error.strerror}") from None
    yield bytes(2 * _BLOCK)


def _packed(path: str, inside: str, copied: Copied) -> Iterator[bytes]:
    with open(path, "rb", opener=unfollowed) as file:
        found = os.fstat(file.fileno())
        yield _head(inside, found, tarfile.REGTYPE)
        left = found.st_size
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise WorkbenchError(f"{shown(path)} became smaller while it was read", hint="copy it again")
            left -= len(piece)
            copied.bytes += len(piece)
            yield piece
        yield bytes(-found.st_size % _BLOCK)
    copied.files += 1


def _head(name: str, found: os.stat_result, type_: bytes, link: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mtime = type_, link, int(found.st_mtime)
    entry.mode = stat.S_IMODE(found.st_mode) & 0o777
    entry.size = found.st_size if type_ == tarfile.REGTYPE else 0
    return entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def unpack(pieces: Iterable[bytes], target: str, copied: Copied) -> None:
    """Make the file or folder `target` of an archive of one; raises WorkbenchError, and there is nothing then.

    All of it is made in a folder that nobody else knows, and then named. While it is made there is no link in it: links
    come last, and only those that stay inside. Devices, pipes and links that lead out are left out.
    """
    parent = os.path.dirname(os.path.abspath(target))
    try:
        made = tempfile.mkdtemp(prefix=".copying-", dir=parent)
        try:
            root = os.path.join(made, "it")
            _Unpacking(root, copied).run(pieces)
            os.rename(root, target)
        finally:
            shutil.rmtree(made, onerror=_reachable)
    except OSError as error:
        raise WorkbenchError(f"{shown(target)} cannot be written: {error.strerror}") from None


class _Unpacking:
    def __init__(self, root: str, copied: Copied) -> None:
        self._root, self._copied = root, copied
        self._folders: list[tuple[str, tarfile.TarInfo]] = []
        self._links: list[tuple[str, tuple[str, ...], str]] = []

    def run(self, pieces: Iterable[bytes]) -> None:
        try:
            reader = _Reader(pieces)
            with tarfile.open(fileobj=reader, mode="r|", errorlevel=2) as archive:  # type: ignore[call-overload]
                for entry in archive:
                    self._add(archive, entry)
                    # It would remember all of them.
                    archive.members = []
            if not reader.is_whole():
                raise tarfile.TarError("it has no end")
        except tarfile.TarError as error:
            raise WorkbenchError(f"the archive is damaged, or broke off: {error}", hint="copy it again") from None
        if not os.path.lexists(self._root):
            left = "; ".join(self._copied.left_out)
            raise WorkbenchError(f"there is nothing that can be copied{': ' if left else ''}{left}")
        for path, inside, link in self._links:
            if _stays_inside(inside, link) and not os.path.lexists(path):
                self._parents(path)
                os.symlink(link, path)
            else:
                self._copied.left_out.append(f"{shown('/'.join(inside))} is a link that leads out: {shown(link)}")
        for path, entry in reversed(self._folders):
            os.chmod(path, entry.mode & 0o755 | 0o700)
            _set_time(path, entry)

    def _add(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        inside = _inside(entry.name)
        path = os.path.join(self._root, *inside)
        if entry.isdir():
            if not os.path.isdir(path):
                self._parents(path)
                os.mkdir(path, 0o700)
            self._folders.append((path, entry))
        elif entry.isreg():
            self._parents(path)
            self._write(archive, entry, path)
        elif entry.issym():
            if inside:
                self._links.append((path, inside, entry.linkname))
            else:
                self._copied.left_out.append(f"it is a link: {shown(entry.linkname)}")
        elif entry.islnk():
            self._parents(path)
            # Of a file that was made before: there are no links yet that it could be.
            os.link(os.path.join(self._root, *_inside(entry.linkname)), path, follow_symlinks=False)
            self._copied.files += 1
        else:
            self._copied.left_out.append(f"{shown(entry.name)} is no file, folder or link")

    def _write(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> None:
        free = shutil.disk_usage(os.path.dirname(path)).free
        if entry.size > free:
            raise WorkbenchError(f"{shown(entry.name)} has {entry.size} bytes, and {free} are free here")
        source: IO[bytes] | None = archive.extractfile(entry)
        assert source is not None
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            while piece := source.read(_PIECE):
                file.write(piece)
                self._copied.bytes += len(piece)
            os.fchmod(file.fileno(), entry.mode & 0o755 | 0o600)
        _set_time(path, entry)
        self._copied.files += 1

    def _parents(self, path: str) -> None:
        if path != self._root:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)


class _Reader:
    """The pieces of an archive as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest, self._last = iter(pieces), b"", b""

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        found = [self._rest]
        missing = size - len(self._rest)
        while missing > 0:
            piece = next(self._pieces, None)
            if piece is None:
                break
            found.append(piece)
            missing -= len(piece)
        whole = b"".join(found)
        self._rest, taken = whole[size:], whole[:size]
        self._last = (self._last + taken)[-_BLOCK:]
        return taken

    def is_whole(self) -> bool:
        """Read on to the end; return whether it is that of an archive. `tarfile` takes any for it."""
        while self.read(_PIECE):
            pass
        return self._last == bytes(_BLOCK)


def _inside(name: str) -> tuple[str, ...]:
    """Return where an entry belongs below the folder that is made: without the archive's own name for that."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\x00" in name or not parts:
        raise WorkbenchError(f"the archive names a place outside of it: {shown(name)}")
    return tuple(parts[1:])


def _stays_inside(inside: tuple[str, ...], link: str) -> bool:
    """Return whether a link leads nowhere outside, whatever other links it leads through.

    It goes up first, through real folders only, never higher than to the top, and down from there: whatever links it
    meets on the way down do the same.
    """
    parts = [part for part in link.split("/") if part not in ("", ".")]
    up = 0
    while up < len(parts) and parts[up] == "..":
        up += 1
    return not link.startswith("/") and link != "" and ".." not in parts[up:] and up < len(inside)


def _set_time(path: str, entry: tarfile.TarInfo) -> None:
    with suppress(OSError, OverflowError, ValueError):
        os.utime(path, (entry.mtime, entry.mtime), follow_symlinks=False)


def _reachable(remove: Any, path: str, _error: object) -> None:  # noqa: ANN401  what shutil calls
    with suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        remove(path)


def shown(name: str) -> str:
    """Return a name as one that a terminal can show: it may have been chosen to do something to it."""
    text = name if name.isprintable() else repr(name)[1:-1]
    return text if len(text) <= 200 else f"{text[:200]}…"
