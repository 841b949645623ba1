"""Which cgroup a process is in."""

from __future__ import annotations

from contextlib import suppress


def are_shared(process: int, program: str) -> bool:
    """Return whether this process is in every cgroup of another one, which runs `program`.

    False where that cannot be seen: podman may count processes in another namespace than this one.
    """
    with suppress(OSError):
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if words[0] == program.encode():
            with open(f"/proc/{process}/cgroup") as theirs, open("/proc/self/cgroup") as ours:
                return theirs.read() == ours.read()
    return False
