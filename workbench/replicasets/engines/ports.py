"""Whether a port of this machine is free: tried by binding it for a moment."""

from __future__ import annotations

import errno
import socket


def is_free(address: str, port: int, protocol: str = "tcp") -> bool:
    """Return whether no program listens on the port; a connection that is still closing does not count."""
    return not bind_error(address, port, protocol)


def bind_error(address: str, port: int, protocol: str = "tcp") -> int:
    """Return the number of the error (errno.h) with which the port cannot be bound, 0 when it can."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as probe:
        if protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0
