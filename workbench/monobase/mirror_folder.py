"""Writing a mirror's folder: each file whole or not at all, whoever reads meanwhile, and however the writer ends."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from workbench.errors import WorkbenchError

_LOCK, _STAGE = ".lock", ".stage"
# A wheel is packed with level 6: a tenth smaller than this one, in three times the time. 31 is the gzip format.
_LEVEL, _GZIP = 3, 31


class MirrorFolder:
    """The folder of a mirror, locked, for several threads. `files` and `bytes` are what was written.

    With `check`, what is there already is made again and compared, and replaced where it differs.
    """

    def __init__(self, root: str, *, check: bool = False) -> None:
        self.root = root
        self.files = 0
        self.bytes = 0
        self._check = check
        self._begun: set[str] = set()
        self._lock = threading.Lock()

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Put the bytes of `parts` at `path`, unless they are there or another thread is about it.

        Whatever `parts` raises leaves nothing behind.
        """
        target = os.path.join(self.root, path)
        with self._lock:
            if path in self._begun:
                return
            self._begun.add(path)
        if os.path.isfile(target) and not self._check:
            return
        handle, staged = tempfile.mkstemp(dir=os.path.join(self.root, _STAGE))
        with open(handle, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            # Other hosts read it, and nobody writes it a second time.
            os.fsync(handle)
            os.fchmod(handle, 0o644)
        if os.path.isfile(target) and filecmp.cmp(staged, target, shallow=False):
            return
        with self._lock:
            self.files += 1
            self.bytes += os.path.getsize(staged)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(staged, target)


@contextmanager
def mirror_folder(
    root: str, *, check: bool = False, log: Callable[[str], None] = lambda _: None
) -> Iterator[MirrorFolder]:
    """Lock the folder `root`, which is made, for one publisher at a time; what a killed one left is removed.

    While another one has it, reports that with `log` and waits.

    Raises WorkbenchError when it cannot be written. What others read is there before and after.
    """
    stage = os.path.join(root, _STAGE)
    try:
        os.makedirs(root, exist_ok=True)
        handle = os.open(os.path.join(root, _LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise WorkbenchError(f"the mirror cannot be written: {error.strerror}", where=root) from None
    # Whatever the publisher's umask, others can read.
    mask = os.umask(0o022)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log(f"waiting for another publisher to leave {root}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        shutil.rmtree(stage, ignore_errors=True)
        os.makedirs(stage)
        yield MirrorFolder(root, check=check)
    except OSError as error:
        raise WorkbenchError(f"the mirror cannot be written: {error.strerror}", where=root) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.umask(mask)
        os.close(handle)


def zipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `parts`, compressed."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for part in parts:
        if out := deflater.compress(part):
            yield out
    yield deflater.flush()
