"""A disk of its own for what holds images: a million files go with it at once, which take minutes one by one."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Beside the folder, locked by the session that has mounted a disk there.
_LOCK = ".disk-lock"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@contextmanager
def own_disk(folder: Path) -> Iterator[bool]:
    """Mount an empty disk at an empty folder, and yield whether that could be done: without root, loop devices or
    mkfs.ext4 the folder is used as it is.

    Afterwards the disk is gone, with all that is in it. It takes of the real one what is written to it. Those of
    sessions that were killed are removed first: no name shows what they take.
    """
    _sweep(folder.parent)
    lock = folder.with_suffix(_LOCK)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        made = _mount(folder)
        try:
            yield made
        finally:
            if made:
                _unmount(folder)
            lock.unlink()


def _sweep(parent: Path) -> None:
    for lock in parent.glob(f"*{_LOCK}"):
        with suppress(OSError), lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = lock.with_suffix("")
            if folder.is_mount():
                _unmount(folder)
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink()


def _unmount(folder: Path) -> None:
    for options in ([], ["--lazy"]):
        if _runs(["umount", *options, str(folder)]):
            break


def _mount(folder: Path) -> bool:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        return False
    if shutil.which("mkfs.ext4", path=_path()) is None:
        return False
    file, mode = folder.with_suffix(".disk"), stat.S_IMODE(folder.stat().st_mode)
    try:
        with file.open("wb") as disk:
            disk.truncate(shutil.disk_usage(folder).free)
        # Nothing of it outlives this machine's next start, so it needs no journal.
        # Every disk lists the names in a folder in the same order: TeX writes such lists, and images that are compared
        # may be on two disks.
        extended = "nodiscard,hash_seed=01234567-89ab-cdef-0123-456789abcdef"
        make = ["mkfs.ext4", "-q", "-F", "-m0", "-O", "^has_journal", "-E", extended, str(file)]
        mount = ["mount", "-o", "loop,noatime", str(file), str(folder)]
        made = all(_runs(command) for command in (make, mount))
        if made:
            folder.chmod(mode)
        return made
    finally:
        # The mount keeps what is in it until it is unmounted.
        file.unlink(missing_ok=True)


def _path() -> str:
    return f"{os.environ['PATH']}:{SBIN}"


def _runs(command: list[str]) -> bool:
    env = {**os.environ, "PATH": _path()}
    return subprocess.run(command, capture_output=True, env=env, check=False).returncode == 0
