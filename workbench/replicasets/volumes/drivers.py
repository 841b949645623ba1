"""The volume drivers, and the choice of one for a new volume."""

from __future__ import annotations

import os

from workbench.replicasets.errors import Failed
from workbench.replicasets.volumes.btrfs import Btrfs
from workbench.replicasets.volumes.driver import Driver, tool
from workbench.replicasets.volumes.kept import KeptByEngine
from workbench.replicasets.volumes.loop import LoopExt4
from workbench.replicasets.volumes.plain import Plain
from workbench.replicasets.volumes.xfs import XfsQuota, enforces

ENGINE = "engine"
_DRIVERS: dict[str, Driver] = {
    "plain": Plain(),
    "loop-ext4": LoopExt4(),
    "btrfs": Btrfs(),
    "xfs-pquota": XfsQuota(),
    ENGINE: KeptByEngine(),
}


def driver_of(name: str) -> Driver:
    """Return the driver of that name; raises Failed for an unknown one."""
    if name not in _DRIVERS:
        raise Failed(f"unknown volume driver {name}", hint="was the volume created by a newer version?")
    return _DRIVERS[name]


def choose(folder: str, size: int) -> str:
    """Return the driver for a new volume: by whether it has a size, and by the file system of the folder."""
    if not size:
        return "plain"
    if os.geteuid() != 0:
        raise Failed("a sized volume needs root", hint="create it without a size")
    os.makedirs(folder, mode=0o711, exist_ok=True)
    kind = tool("determine the file system", "stat", "--file-system", "--format=%T", folder).strip()
    if kind == "btrfs":
        return "btrfs"
    return "xfs-pquota" if kind == "xfs" and enforces(folder) else "loop-ext4"
