"""Leases and uses: what a process runs on is not removed meanwhile, nor soon after.

A lease is a shared lock (flock) on `leases/NAME`, a file that a builder makes beside each generation
(`g00001`) and cog generation (`cog-g1a2b3c4d`), and that is never removed. An open file holds it,
which processes inherit: it lasts exactly as long as the last process that was started with it, however
that ends. Locking needs no right to write, so it works on a read-only mount; and the kernel keeps the
lock by the file itself, so that a builder in one container sees the lease of another on the same host.

A process that closed what it inherited has no lease, and is found in /proc (`processes.py`).

The time of that file is when the last use was seen: at activation, where the prefix can be written, and whenever
somebody looks (`build`, `prune`, `status`, and `ready` with a label).

Removing something takes the exclusive lock first and keeps it until the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import WorkbenchError
from workbench.monobase.documents import make_way
from workbench.monobase.prefix import Prefix
from workbench.monobase.processes import ProcessScan, merged, scan

FOLDER = "leases"
# What nobody has used for so long, in seconds, is removed.
GRACE = 3600.0
# Who looks whether there is a lease locks its file for a moment: so often, and so long, is tried again.
_ATTEMPTS, _PAUSE = 4, 0.05


class InUseError(WorkbenchError):
    """Something cannot be removed, because processes run on it."""


def lease_file(prefix: Prefix, name: str) -> str:
    """Return the path of the file whose lock is the lease on `name`."""
    return prefix.below(FOLDER, name)


def prepare(prefix: Prefix, name: str) -> None:
    """Make the file for leases on `name`; a builder does so before there is something to lease."""
    path = lease_file(prefix, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        if stat.S_ISREG(os.lstat(path).st_mode):
            return
        make_way(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))


def take(prefix: Prefix, name: str, folder: str) -> int:
    """Take a lease on `name`, whose files are in `folder`, and return the open file that holds it.

    Processes that are started from now on inherit it. Raises WorkbenchError when it is being removed,
    was removed, or was never built.
    """
    path = lease_file(prefix, name)
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise WorkbenchError(f"{name} does not exist below {prefix.root}", where=path) from None
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE)
                continue
            os.close(handle)
            raise WorkbenchError(f"{name} is being removed", where=folder, hint="activate another one") from None
    if not os.path.isdir(folder):
        os.close(handle)
        raise WorkbenchError(f"{name} was removed", where=folder, hint="activate another one")
    os.set_inheritable(handle, True)
    record_use(prefix, name)
    return handle


@contextmanager
def unused(prefix: Prefix, name: str) -> Iterator[None]:
    """Keep `name` from being leased meanwhile.

    Raises InUseError that names the processes that hold a lease, or run on it without one.
    """
    prepare(prefix, name)
    with open(lease_file(prefix, name), encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            record_use(prefix, name)
            raise InUseError(f"{name} is in use by {merged(holders(prefix, name))}") from None
        # Twice: a process may start another one and end while the first look is under way.
        for _ in range(2):
            if users := scan(prefix).users.get(name):
                record_use(prefix, name)
                raise InUseError(f"{name} is in use by {merged(users)}")
        yield


def last_use(prefix: Prefix, name: str) -> float:
    """Return when the last use of `name` was seen, in seconds since 1970; 0 when that is not known."""
    try:
        return os.stat(lease_file(prefix, name)).st_mtime
    except OSError:
        return 0.0


def record_use(prefix: Prefix, name: str) -> None:
    """Record that `name` is in use now, where the prefix can be written."""
    with contextlib.suppress(OSError):
        os.utime(lease_file(prefix, name))


def uses(prefix: Prefix) -> dict[str, list[str]]:
    """Return which processes run on each generation that is in use, by its name, and record that they do."""
    return _uses(prefix, scan(prefix))


def _uses(prefix: Prefix, seen: ProcessScan) -> dict[str, list[str]]:
    found = dict(seen.users)
    try:
        names = os.listdir(prefix.below(FOLDER))
    except OSError:
        names = []
    for name in names:
        if name not in found and _is_leased(prefix, name):
            found[name] = ["a process that cannot be seen from here"]
    for name in found:
        record_use(prefix, name)
    return found


def is_used(prefix: Prefix, name: str) -> bool:
    """Return whether a process has a lease on `name` now, or runs on it without one."""
    return _is_leased(prefix, name) or name in scan(prefix).users


def holders(prefix: Prefix, name: str) -> list[str]:
    """Return which processes use `name`: those of other containers cannot be named from within one."""
    return scan(prefix).users.get(name) or ["a process that cannot be seen from here"]


def _is_leased(prefix: Prefix, name: str) -> bool:
    try:
        with open(lease_file(prefix, name), encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass  # there is none
    return False
