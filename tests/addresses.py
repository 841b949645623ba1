"""Addresses of workbenches, which keep their port where nobody else has it by then."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def is_kept(address: str, again: str) -> bool:
    """Return whether a workbench that was started again is at its address.

    Another test's may have taken its port while it was stopped: then all but the port is the same.
    """
    if address == again:
        return True
    before, after = urlsplit(address), urlsplit(again)
    same = (before.scheme, before.hostname, before.path, before.query) == (
        after.scheme,
        after.hostname,
        after.path,
        after.query,
    )
    with socket.socket() as probe:
        return same and probe.connect_ex((before.hostname or "", before.port or 80)) == 0
