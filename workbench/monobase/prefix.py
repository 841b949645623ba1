"""The prefix on a host: where everything below it is, and the lock that lets one builder at a time write it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.errors import WorkbenchError


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
    def stage(self) -> str:
        """The folder of what is being made: on the file system of the prefix, so that a rename finishes it."""
        return self.below("stage")

    def generation(self, name: str) -> str:
        """Return the folder of the generation named `name`."""
        return self.below("monobase", name)


@contextmanager
def builder(prefix: Prefix, *, wait: bool = True, log: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Lock the prefix for writing; whatever an earlier builder left unfinished is removed first.

    The lock ends with the process, so a killed builder leaves none behind. When another builder has it:
    reports that with `log` and waits, or raises WorkbenchError without `wait`. Raises WorkbenchError too when
    the prefix cannot be written.
    """
    path = prefix.below(".lock")
    try:
        os.makedirs(prefix.root, exist_ok=True)
        lock = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - open as long as it is held
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
        # Whatever the builder's umask, others can read.
        mask = os.umask(0o022)
        try:
            with reporting_full_disk(prefix.root):
                yield
        finally:
            os.umask(mask)
            # Again: what a killed builder had started may have written for another moment.
            clear_stage(prefix)


@contextmanager
def reporting_full_disk(where: str) -> Iterator[None]:
    """Turn the OSError of a full disk into a WorkbenchError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise WorkbenchError("the disk is full", where=where, hint="make room; what is finished is kept") from None


def _holder(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            builder = json.load(file)
        return f"process {builder['pid']} on {builder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not recorded its process yet"


def clear_stage(prefix: Prefix) -> None:
    """Remove whatever is staged. The caller holds the lock."""
    shutil.rmtree(prefix.stage, ignore_errors=True)


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

    A link that points nowhere is replaced like any other (fault M9). Raises WorkbenchError when
    something that is no link has its name.
    """
    if os.path.lexists(link) and not os.path.islink(link):
        raise WorkbenchError("this must be a symbolic link, and is not", where=link, hint="move it away")
    beside = os.path.join(os.path.dirname(link), f".{os.path.basename(link)}.{os.getpid()}")
    if os.path.lexists(beside):
        os.unlink(beside)  # of a builder that was killed, and had our number
    os.symlink(target, beside)
    os.replace(beside, link)
