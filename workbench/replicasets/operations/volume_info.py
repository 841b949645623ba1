"""What volumes there are."""

from __future__ import annotations

from workbench.replicasets import checks
from workbench.replicasets.records import VOLUMES, find_volume, read_all, volume_versions_key
from workbench.replicasets.values import Volume
from workbench.replicasets.world import World


def volumes(world: World) -> list[Volume]:
    """See ReplicaSets.volumes."""
    return read_all(world.store, Volume, VOLUMES)


def volume(world: World, name: str) -> Volume:
    """See ReplicaSets.volume."""
    return find_volume(world.store, checks.volume_name(name))


def history(world: World, name: str) -> list[Volume]:
    """See ReplicaSets.volume_history."""
    found = find_volume(world.store, checks.volume_name(name))
    return read_all(world.store, Volume, volume_versions_key(found.id))[::-1]
