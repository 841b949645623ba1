"""The cgroups of a container's processes, as far as this process may see them (cgroups(7), both versions)."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_ROOT = "/sys/fs/cgroup"


def are_shared(process: int, program: str) -> bool:
    """Return whether this process is in every cgroup of another one, which runs `program`.

    False where that cannot be seen: podman may count processes in another namespace than this one.
    """
    with suppress(OSError):
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if words[0] == program.encode():
            return _read(f"/proc/{process}/cgroup") == _read("/proc/self/cgroup")
    return False


def is_frozen(process: int) -> bool:
    """Return whether the cgroup of a process is seen to be frozen."""
    file, frozen, _ = _freezer(process)
    with suppress(OSError):
        return bool(file) and _read(file).strip() in frozen
    return False


def thaw(process: int) -> None:
    """Let the processes of a frozen cgroup go on, where this process may."""
    file, _, thawed = _freezer(process)
    _write(file, thawed)


def freeze_again(process: int) -> None:
    """Freeze the cgroup of a process where it is seen not to be, and this process may; 0 is no process.

    A podman that was killed takes a container to be paused that goes on, and its runtime resumes, or ends, no such one.
    """
    file, frozen, _ = _freezer(process)
    if file and not is_frozen(process):
        _write(file, frozen[0])


def kill(process: int) -> None:
    """End a process whose cgroup is frozen, before it runs another instruction.

    One that is another user's or elsewhere stays: podman ends it right after it woke.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, signal.SIGKILL)


def _write(file: str, text: str) -> None:
    with suppress(OSError):
        if file:
            with open(file, "w", encoding="ascii") as switch:
                switch.write(text)


def _freezer(process: int) -> tuple[str, tuple[str, ...], str]:
    """Return the file by which a process is frozen, its content when it is, and the one that ends it; "" for none."""
    unified = ""
    with suppress(OSError):
        for line in _read(f"/proc/{process}/cgroup").splitlines() if process > 0 else ():
            _, controllers, path = line.split(":", 2)
            # Never the root: all processes of the machine would be meant; nor what lies outside of our namespace.
            if path == "/" or ".." in path.split("/"):
                continue
            if controllers == "freezer":
                return f"{_ROOT}/freezer{path}/freezer.state", ("FROZEN", "FREEZING"), "THAWED"
            if not controllers:
                unified = f"{_ROOT}{path}/cgroup.freeze"
    return (unified, ("1",), "0") if os.path.exists(unified) else ("", (), "")


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
