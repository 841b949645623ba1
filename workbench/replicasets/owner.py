"""Which process writes a journal, and whether it is still at work: a process can end without notice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from workbench.process import stat_fields

# What this process is at work on, in all threads.
_working: set[str] = set()


def myself() -> str:
    """Return the identity of this process: no other process of this machine ever has it, even after a reboot."""
    return _name(os.getpid())


@contextmanager
def working(key: str) -> Iterator[None]:
    """Count as at work on `key` in the body."""
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
    """Return the identity of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def _birth(process: int) -> str:
    """Return when a process began, in ticks since the boot; "" when it does not exist, or is a zombie."""
    fields = stat_fields(process)
    return fields[19] if fields and fields[0] != "Z" else ""
