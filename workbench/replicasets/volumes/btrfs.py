"""Sized volumes on btrfs: a subvolume each, its size kept by a quota group. Resized while in use."""

from __future__ import annotations

import os
from collections.abc import Mapping

from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.driver import is_mounted, place, refuse_below, tool


class Btrfs:
    """See Driver."""

    live = True
    shrinks = True

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        """Make the subvolume and limit it before anything can be written."""
        path = place(folder, volume)
        tool("turn quotas on", "btrfs", "quota", "enable", folder)
        if not os.path.isdir(path):
            tool("make a subvolume", "btrfs", "subvolume", "create", path)
        os.chmod(path, 0o775)
        self.apply(folder, volume, volume.size)
        return {"type": "none", "device": path, "o": "bind"}

    def remove(self, folder: str, volume: Volume) -> None:
        """Remove the subvolume."""
        path = place(folder, volume)
        if os.path.isdir(path):
            tool("remove a subvolume", "btrfs", "subvolume", "delete", "--commit-after", path)

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Refuse a size below what it holds."""
        path = place(folder, volume)
        tool("write out the volume", "btrfs", "filesystem", "sync", path)
        used, _ = _group(path)
        refuse_below(volume, size, used)

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        """Set the limit."""
        tool("limit a subvolume", "btrfs", "qgroup", "limit", str(size), place(folder, volume))

    def discard(self, folder: str, volume: Volume) -> None:
        """Do nothing: nothing was changed."""

    def size(self, folder: str, volume: Volume) -> int | None:
        """Return the limit."""
        path = place(folder, volume)
        return _group(path)[1] if os.path.isdir(path) else None

    def in_use(self, folder: str, volume: Volume) -> bool:
        """Return whether it is mounted somewhere."""
        return is_mounted(volume)


def _group(path: str) -> tuple[int, int | None]:
    """Return what a subvolume holds, and its limit (None: none)."""
    table = tool("read the quota", "btrfs", "qgroup", "show", "--raw", "-r", "-f", path)
    columns = table.splitlines()[-1].split()
    return int(columns[1]), int(columns[3]) if columns[3].isdigit() else None
