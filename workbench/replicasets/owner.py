"""Who writes a journal, and whether they are still at it: a process can be gone without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

# What this process is at work on, in all threads.
_working: set[str] = set()


def myself() -> str:
    """Return what tells this process from every other one of this machine, past reboots."""
    return _name(os.getpid())


@contextmanager
def working(key: str) -> Iterator[None]:
    """Count as being at work on `key`."""
    inner = key in _working
    _working.add(key)
    try:
        yield
    finally:
        if not inner:
            _working.discard(key)


def is_at_work(owner: str, key: str) -> bool:
    """Return whether `owner` is alive, and if it is this process, whether it is at work on `key`."""
    if owner == myself():
        return key in _working
    when, _, process = owner.partition(":")
    number, _, birth = process.partition(":")
    return when == boot() and number.isdigit() and _birth(int(number)) == birth


@lru_cache(maxsize=1)
def _name(process: int) -> str:
    return f"{boot()}:{process}:{_birth(process)}"


@lru_cache(maxsize=1)
def boot() -> str:
    """Return what tells this boot of the machine from every other one."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def _birth(process: int) -> str:
    """Return when a process began, in ticks since the boot; "" when there is none, or it is a zombie."""
    try:
        with open(f"/proc/{process}/stat", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] == "Z" else words[19]
