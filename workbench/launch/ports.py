"""Ports of this machine's loopback interface."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing

from workbench.errors import UsageError, WorkbenchError

# Where workbenches are looked for first: people know Jupyter by it.
_FIRST, _MANY = 8888, 50
_UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def free_ports(preferred: int = 0) -> list[int]:
    """Return some ports that are free now: `preferred` first if it is, then from 8888 up, then any other."""
    wanted = dict.fromkeys([*([preferred] if preferred else []), *range(_FIRST, _FIRST + _MANY)])
    free = [port for port in wanted if not _taken(port)][:3]
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return [*free, int(probe.getsockname()[1])]


def port_number(text: str) -> int:
    """Return the port that a flag's text is; raises UsageError for what is none."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise UsageError(f"{text!r} is no port", hint="give a number from 1 to 65535")
    return int(text)


def check_port(port: int) -> None:
    """Raise UsageError for a number that is no port, WorkbenchError for one that is taken or not for this user."""
    if not 1 <= port <= 65535:
        raise UsageError(f"{port} is no port", hint="give a number from 1 to 65535")
    if os.geteuid() != 0 and port < (first := first_unprivileged()):
        raise WorkbenchError(
            f"a normal user may not listen on port {port}: this machine begins at {first}",
            hint=f"give a higher --port, or `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`",
        )
    if _taken(port):
        raise WorkbenchError(f"port {port} of this machine is taken", hint="give another --port, or none")


def first_unprivileged() -> int:
    """Return the first port that any user may listen on (ip_unprivileged_port_start, Linux 4.11)."""
    try:
        with open(_UNPRIVILEGED) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def _taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # As podman's own listener does: what a connection that has ended left behind is no reason.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False
