"""Volumes without a size: folders of the engine's own."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.replicasets.errors import Invalid
from workbench.replicasets.values import Volume


class Plain:
    """See Driver."""

    live = True
    shrinks = False

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        """Make nothing: the engine does."""
        return {}

    def remove(self, folder: str, volume: Volume) -> None:
        """Remove nothing: the engine did."""

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Refuse."""
        raise Invalid(f"{volume.name} was created without a size, and has none to change", hint="create a sized volume")

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        """Do nothing: nothing was prepared."""

    def discard(self, folder: str, volume: Volume) -> None:
        """Do nothing: nothing was prepared."""

    def size(self, folder: str, volume: Volume) -> int | None:
        """Return None: it has none."""
        return None

    def in_use(self, folder: str, volume: Volume) -> bool:
        """Return False: the engine itself refuses to remove what it uses."""
        return False
