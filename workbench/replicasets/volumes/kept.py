"""Volumes that the engine keeps with their sizes (SizingVolumes): there is nothing to do on this machine."""

from __future__ import annotations

from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.plain import Plain


class KeptByEngine(Plain):
    """See Driver."""

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Do nothing: the engine grows it."""
