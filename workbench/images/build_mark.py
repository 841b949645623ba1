"""Marks that say which process a build belongs to, so that what a killed one left can be known and removed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from workbench.process import stat_fields

# workbench-build-BOOT-NAMESPACE-PROCESS-START-RANDOM: a process's number means something in one boot and one
# namespace of processes, and for one process only with the time that it began at.
_MARK = re.compile(r"workbench-build-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}")


def new_mark() -> str:
    """Return a mark of this process that no other build has."""
    process = os.getpid()
    return f"workbench-build-{_here()}-{process}-{_start(process)}-{secrets.token_hex(4)}"


def mark_in(text: str) -> str:
    """Return the mark that stands in `text`, "" for none."""
    match = _MARK.search(text)
    return match[0] if match else ""


def is_abandoned(mark: str) -> bool:
    """Return whether the process that made `mark` is gone.

    One of another namespace of processes is not seen from here, and counts as being there.
    """
    match = _MARK.fullmatch(mark)
    if match is None:
        return False
    boot, namespace, process, start = match.groups()
    if f"{boot}-{namespace}" != _here():
        return boot != _here().partition("-")[0]
    return str(_start(int(process))) != start


@contextmanager
def marked_folder(mark: str) -> Iterator[str]:
    """Yield an empty folder of this user's alone, which is gone afterwards; so are those that killed builds left."""
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=f"{mark}-") as folder:
        yield folder


def _remove_abandoned() -> None:
    for entry in os.scandir(tempfile.gettempdir()):
        with suppress(OSError):
            of_ours = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            if of_ours and is_abandoned(mark_in(entry.name)):
                shutil.rmtree(entry.path, ignore_errors=True)


def _here() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read(8)
    return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"


def _start(process: int) -> int:
    """Return when a process began, in ticks since the machine's start; 0 when there is no such process (proc(5))."""
    fields = stat_fields(process)
    return int(fields[19]) if fields and fields[0] != "Z" else 0
