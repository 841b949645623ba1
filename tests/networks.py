"""Addresses of test sessions' own: no two sessions, and nothing else of this machine, have the same."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# 10.30.0.0/16 to 10.229.0.0/16, one for each session.
_NUMBERS = range(30, 230)
_LOCKS = Path("/tmp")
# The bridges of sessions, whose pids are in their names.
_OURS = re.compile(r"wb[tr]\d+")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@functools.cache
def session_number() -> int:
    """Return the number N of this session, whose networks are in 10.N.0.0/16; it stays this session's until it ends.

    A session that was killed leaves its bridges and rules behind, and an address that two bridges have reaches
    only the first: what such sessions left is removed here, and what others have is avoided.
    """
    _sweep()
    taken = {number for number, _ in _routes()}
    for number in sorted(_NUMBERS, key=lambda each: (each - os.getpid()) % len(_NUMBERS)):
        if number not in taken and _lock(number) is not None:
            _remove(number, [])
            return number
    raise AssertionError("no free subnet below 10.0.0.0/8 for this test session")


def own_network() -> dict[str, object]:
    """Return a default network with a name, a bridge and a subnet that no other test session has.

    The name too: netavark names its address translation after it, and the session that ends first
    would take the one of every session away.
    """
    number = session_number()
    return {
        "name": f"wbt{os.getpid()}",
        "id": hashlib.sha256(str(os.getpid()).encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": f"wbt{os.getpid()}",
        "created": "2026-11-22T00:00:00Z",
        "subnets": [{"subnet": f"10.{number}.0.0/24", "gateway": f"10.{number}.0.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }


def remove_networks() -> None:
    """Remove what this session's engines left: bridges, their ends of containers, and rules for their addresses."""
    number = session_number()
    _remove(number, (name for found, name in _routes() if found == number))


def remove_rules(bridge: str) -> None:
    """Remove the rules by which services keep a bridge apart from others."""
    for rule in _tool("iptables-save", "-t", "mangle").splitlines():
        if rule.startswith("-A ") and bridge in rule.split():
            _tool("iptables", "-w", "-t", "mangle", "-D", *rule.split()[1:])


def _sweep() -> None:
    left: dict[int, list[str]] = {}
    for number, name in _routes():
        if _OURS.fullmatch(name):
            left.setdefault(number, []).append(name)
    for number, names in left.items():
        if (lock := _lock(number)) is not None:
            _remove(number, names)
            os.close(lock)


def _routes() -> list[tuple[int, str]]:
    """Return N and the interface of every route into 10.N.0.0/16 (/proc/net/route has addresses byte by byte)."""
    found = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        name, destination = line.split()[:2]
        first, second = int(destination[6:8], 16), int(destination[4:6], 16)
        if first == 10:
            found.append((second, name))
    return found


def _lock(number: int) -> int | None:
    file = os.open(_LOCKS / f"workbench-tests-net-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _remove(number: int, bridges: Iterable[str]) -> None:
    for bridge in bridges:
        for end in json.loads(_tool("ip", "-json", "link", "show", "master", bridge) or "[]"):
            # A set that is empty has an empty entry in iproute2 6.
            if name := end.get("ifname"):
                _tool("ip", "link", "delete", name)
        _tool("ip", "link", "delete", bridge)
        remove_rules(bridge)
    for table in ("nat", "filter"):
        for rule in _tool("iptables-save", "-t", table).splitlines():
            if rule.startswith("-A ") and re.search(rf"\b10\.{number}\.\d", rule):
                _tool("iptables", "-w", "-t", table, "-D", *rule.replace('"', "").split()[1:])


def _tool(*command: str) -> str:
    """Return what the command prints; one that is not there or refuses prints nothing."""
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:{_SBIN}"}
    with suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False).stdout
    return ""
