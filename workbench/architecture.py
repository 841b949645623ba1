"""The processor architecture of this machine, as Linux names it."""

from __future__ import annotations

import platform

# Where podman runs in a virtual machine, its system has another name for the same.
_LINUX = {"arm64": "aarch64", "AMD64": "x86_64"}


def this_architecture() -> str:
    """Return x86_64, aarch64, …: what images that are built here are for."""
    return _LINUX.get(platform.machine(), platform.machine())
