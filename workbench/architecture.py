"""The processor architecture of this machine: images that are built here are for it."""

from __future__ import annotations

import platform

# Where podman runs in a virtual machine, its system has another name for the same.
_LINUX = {"arm64": "aarch64", "AMD64": "x86_64"}
# The names of registries and of Go, by those of Linux.
_OCI = {"x86_64": "amd64", "aarch64": "arm64"}


def this_architecture() -> str:
    """Return it as Linux names it: x86_64, aarch64, …"""
    return _LINUX.get(platform.machine(), platform.machine())


def oci_architecture(name: str = "") -> str:
    """Return an architecture (this machine's) as registries name it: x86_64 is amd64, aarch64 is arm64."""
    name = name.lower().replace("x86-64", "x86_64") or this_architecture()
    return _OCI.get(name, name)
