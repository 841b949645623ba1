"""Leases: what a process runs on is not removed meanwhile.

A lease is a shared lock (flock) on `leases/NAME`, a file that a builder makes beside each generation
(`g00001`) and cog generation (`cog-g1a2b3c4d`), and that is never removed. An open file holds it,
which processes inherit: it lasts exactly as long as the last process that was started with it, however
that ends. Locking needs no right to write, so it works on a read-only mount; and the kernel keeps the
lock by the file itself, so that a builder in one container sees the lease of another on the same host. A
shell takes one with `exec 9<FILE; flock --shared --nonblock 9`.

Removing something takes the exclusive lock first and keeps it until the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import WorkbenchError
from workbench.monobase.documents import make_way
from workbench.monobase.prefix import Prefix

FOLDER = "leases"


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
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise WorkbenchError(f"{name} is being removed", where=folder, hint="activate another one") from None
    if not os.path.isdir(folder):
        os.close(handle)
        raise WorkbenchError(f"{name} was removed", where=folder, hint="activate another one")
    os.set_inheritable(handle, True)
    return handle


@contextmanager
def unused(prefix: Prefix, name: str) -> Iterator[None]:
    """Keep `name` from being leased meanwhile; raises InUseError that names the processes that hold a lease."""
    prepare(prefix, name)
    with open(lease_file(prefix, name), encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(f"{name} is in use by {', '.join(holders(prefix, name))}") from None
        yield


def is_used(prefix: Prefix, name: str) -> bool:
    """Return whether a process has a lease on `name` now."""
    try:
        with open(lease_file(prefix, name), encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def holders(prefix: Prefix, name: str) -> list[str]:
    """Return which processes have a lease on `name`: those of other containers cannot be named from within one."""
    try:
        wanted = os.stat(lease_file(prefix, name))
        pids = sorted(int(pid) for pid in os.listdir("/proc") if pid.isdigit())
    except OSError:
        return ["a process"]
    named = [f"process {pid}{_command(pid)}" for pid in pids if _holds(pid, wanted)]
    return named or ["a process that cannot be seen from here"]


def _holds(pid: int, wanted: os.stat_result) -> bool:
    """Return whether the process has that file open with a shared lock, its own or one that it inherited."""
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            if not os.path.samestat(os.stat(f"/proc/{pid}/fd/{number}"), wanted):
                continue
            # "lock:	1: FLOCK  ADVISORY  READ 1234 fe:00:5678 0 EOF"
            with open(f"/proc/{pid}/fdinfo/{number}") as file:
                if any(line.startswith("lock:") and "READ" in line.split() for line in file):
                    return True
    except OSError:
        pass  # it ended meanwhile, or is another user's
    return False


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return f" ({file.read().strip()})"
    except OSError:
        return ""
