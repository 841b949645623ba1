"""The prefix on a host: where everything below it is, and the lock that lets one builder at a time write it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from workbench.commands import here
from workbench.errors import WorkbenchError, too_long
from workbench.monobase.documents import make_way

# Folders of every prefix, and those below them whose names are not fixed.
FOLDERS = ("store", "store/files", "store/wheels", "monobase", "cog", "leases", "reports", "bin", "bin/site", "uv")
_GENERATION = re.compile(r"g[0-9]{5}")
_COG = re.compile(r"g[0-9a-f]{8}|conflicts")
_SHARD = re.compile(r"[0-9a-f]{2}")


# The descriptors of this process's locks.
_held: set[int] = set()


@dataclass(frozen=True, slots=True)
class Prefix:
    """The paths below a prefix. `root` is a real path: what is compared with it later is one too (fault M6)."""

    root: str

    @classmethod
    def at(cls, path: str) -> Prefix:
        """Return the prefix at `path`, which may be a symbolic link or not be there yet."""
        return cls(os.path.realpath(path))

    def below(self, *names: str) -> str:
        """Return the path of `names` below the prefix."""
        return os.path.join(self.root, *names)

    @property
    def generations(self) -> str:
        """The folder of the generations."""
        return self.below("monobase")

    @property
    def latest(self) -> str:
        """The link to the newest generation that is ready."""
        return self.below("monobase", "latest")

    @property
    def pinned(self) -> str:
        """The link to the generation that `latest` is pinned to."""
        return self.below("monobase", "pinned")

    @property
    def stage(self) -> str:
        """The folder of what is being made: on the file system of the prefix, so that a rename finishes it."""
        return self.below("stage")

    def generation(self, name: str) -> str:
        """Return the folder of the generation named `name`."""
        return self.below("monobase", name)


@contextmanager
def builder(
    prefix: Prefix, *, wait: bool = True, log: Callable[[str], None] = lambda _: None, mend: bool = False
) -> Iterator[None]:
    """Lock the prefix for writing; whatever an earlier builder left unfinished is removed first.

    The lock ends with the process and with what it has started (`held_locks`): a killed builder leaves none behind, and
    what it started does not write into the next one's work. When another builder has it: reports that with `log` and
    waits, or raises WorkbenchError without `wait`. Raises WorkbenchError too when the prefix cannot be written, and
    when something else has the place of a folder of ours: a link there would lead out of the prefix. With `mend` it is
    removed instead.
    """
    path = prefix.below(".lock")
    try:
        os.makedirs(prefix.root, exist_ok=True)
        lock = _open_lock(path)
    except OSError as error:
        raise WorkbenchError(
            f"the prefix cannot be written: {error.strerror}", where=path, hint="name another one with --prefix"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(path)
            if not wait:
                raise WorkbenchError(
                    f"another builder has this prefix: {who}", where=prefix.root, hint="wait for it to end"
                ) from None
            log(f"waiting for another builder to leave {prefix.root}: {who}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        lock.flush()
        clear_stage(prefix)
        for odd in odd_folders(prefix):
            if not mend:
                hint = f"`{here('monobase repair')}` moves it away"
                raise WorkbenchError("this must be a folder, and is not", where=odd, hint=hint)
            set_aside(prefix, odd)
        # Whatever the builder's umask, others can read.
        mask = os.umask(0o022)
        _held.add(lock.fileno())
        try:
            with reporting_full_disk(prefix.root):
                yield
        finally:
            os.umask(mask)
            _held.discard(lock.fileno())
            clear_stage(prefix)


def held_locks() -> tuple[int, ...]:
    """Return the descriptors of the locks that this process holds: for `pass_fds` of what writes below a prefix.

    A flock ends with its last descriptor (flock(2)): a program that outlives its builder keeps the next one waiting.
    """
    return tuple(_held)


@contextmanager
def reporting_full_disk(where: str) -> Iterator[None]:
    """Turn the OSError of a full disk, and of a file name that the disk does not take, into a WorkbenchError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise WorkbenchError(too_long(error), where=where) from None
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise WorkbenchError("the disk is full", where=where, hint="make room; what is finished is kept") from None


def _holder(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            builder = json.load(file)
        name = f"process {builder['pid']} on {builder['host']}"
        if builder["host"] == socket.gethostname() and not os.path.exists(f"/proc/{builder['pid']:d}"):
            return f"what {name} started, and did not live to end"
        return name
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not recorded its process yet"


def _open_lock(path: str) -> TextIO:
    """Open the builders' lock; something else in its place locks nobody out, and is removed. Raises OSError."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise
        else:
            found = os.fstat(handle)
            # A second name of it would be another file of somebody's, and is written to here.
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                with contextlib.suppress(PermissionError):
                    os.fchmod(handle, 0o644)
                return open(handle, "r+", encoding="utf-8")
            os.close(handle)
        make_way(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def odd_folders(prefix: Prefix) -> list[str]:
    """Return what has the place of a folder of ours and is none, such as a link that leads out of the prefix."""
    found = [path for path in map(prefix.below, FOLDERS) if _is_odd(path)]
    for above, pattern in (("monobase", _GENERATION), ("cog", _COG), ("store/files", _SHARD)):
        if prefix.below(above) not in found and os.path.isdir(prefix.below(above)):
            with os.scandir(prefix.below(above)) as entries:
                found += [
                    entry.path
                    for entry in entries
                    if pattern.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False)
                ]
    return found


def _is_odd(path: str) -> bool:
    return os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path))


def clear_stage(prefix: Prefix) -> None:
    """Remove whatever is staged. The caller holds the lock."""
    if _is_odd(prefix.stage):
        os.unlink(prefix.stage)
    shutil.rmtree(prefix.stage, ignore_errors=True)


def set_aside(prefix: Prefix, path: str) -> None:
    """Remove what is at `path`, of any kind: moved to the stage first, so that it disappears at once."""
    with staged(prefix, "aside") as folder:
        os.rename(path, os.path.join(folder, "it"))


@contextmanager
def staged(prefix: Prefix, kind: str) -> Iterator[str]:
    """Yield a new folder on the prefix's file system; what is still there at the end is removed."""
    os.makedirs(prefix.stage, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=f"{kind}-", dir=prefix.stage)
    os.chmod(folder, 0o755)  # an environment is made here, and is read by others
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def point(link: str, target: str) -> None:
    """Let the symbolic link `link` point at `target`, by a rename: a reader finds the old one or the new one.

    A link that points nowhere is replaced like any other (fault M9), and so is what is no link.
    """
    make_way(link)
    beside = os.path.join(os.path.dirname(link), f".{os.path.basename(link)}.new")
    make_way(beside)
    if os.path.lexists(beside):
        os.unlink(beside)  # of a builder that was killed
    os.symlink(target, beside)
    os.replace(beside, link)
