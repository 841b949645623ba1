"""What must be so before the service starts: folders that are there, ports that may be bound."""

from __future__ import annotations

import errno
import os
import tempfile

from workbench.errors import WorkbenchError
from workbench.replicasets.engines.ports import bind_error
from workbench.replicasets.errors import Invalid
from workbench.replicasets.settings import Settings

_UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def check_state(folder: str) -> None:
    """Make the folder of all that is kept; raises WorkbenchError when it cannot be made or written to."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot be made: {error.strerror}", where=folder, hint="choose one by --state") from None
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WorkbenchError(
            f"cannot be written to: {error.strerror}", where=folder, hint="choose another folder by --state"
        ) from None


def check_start(settings: Settings) -> None:
    """Raise Invalid when a folder that may be bound is none, or this user may not bind the ports of sets."""
    for root in settings.roots:
        if not os.path.isdir(root):
            raise Invalid(
                f"{root} is not a folder: nothing below it could be bound", hint="make it, or leave --root out"
            )
    for port in range(settings.first_port, settings.last_port + 1):
        found = bind_error(settings.publish, port)
        if found == errno.EADDRINUSE:
            continue
        if found in (errno.EACCES, errno.EPERM):
            raise Invalid(
                f"this user may not bind port {port}, the first of {settings.first_port}-{settings.last_port}",
                hint=f"choose --ports from {_unprivileged()} on, or run the service as root",
            )
        if found:
            raise Invalid(
                f"no port of {settings.publish} can be bound: {os.strerror(found)}",
                hint="--publish takes an address of this machine",
            )
        return


def _unprivileged() -> int:
    """Return the first port that every user may bind (ip(7))."""
    try:
        with open(_UNPRIVILEGED) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024
