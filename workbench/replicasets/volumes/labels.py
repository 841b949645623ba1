"""A volume in the engine's labels, and back."""

from __future__ import annotations

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.engines.protocol import EngineVolume
from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.drivers import driver_of
from workbench.replicasets.world import World

SPEC = "volumespec"


def labels(world: World, volume: Volume) -> dict[str, str]:
    """Return the labels from which the volume could be written into an empty store again."""
    return {world.label("volume"): volume.name, world.label(SPEC): encode(volume)}


def volume_of(world: World, found: EngineVolume) -> Volume | None:
    """Return the volume that the engine's one is, None when it is none of ours.

    The labels tell the size it was made with; a driver knows the one it has now.
    """
    try:
        volume = decode(Volume, found.labels.get(world.label(SPEC), ""))
    except (ValueError, TypeError, KeyError):
        return None
    size = driver_of(volume.driver).size(world.settings.volumes, volume)
    return volume if size in (None, volume.size) else volume_resized(volume, size or 0)


def volume_resized(volume: Volume, size: int) -> Volume:
    """Return the next version of a volume, with another size."""
    from dataclasses import replace

    return replace(volume, size=size, version=volume.version + 1)
