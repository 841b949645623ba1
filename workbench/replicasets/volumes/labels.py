"""A volume in the engine's labels, and back."""

from __future__ import annotations

from dataclasses import replace

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.engines.protocol import EngineVolume
from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.drivers import driver_of
from workbench.replicasets.world import World

SPEC = "volumespec"


def labels(world: World, volume: Volume) -> dict[str, str]:
    """Return the labels from which an empty store can be filled with the volume again."""
    return {world.label("volume"): volume.name, world.label(SPEC): encode(volume)}


def volume_of(world: World, existing: EngineVolume) -> Volume | None:
    """Return the volume that an engine's volume is, None when it is not ours.

    The labels have the size it was created with; the engine or the driver knows the present one.
    """
    try:
        volume = decode(Volume, existing.labels.get(world.label(SPEC), ""))
    except (ValueError, TypeError, KeyError):
        return None
    size = existing.size or driver_of(volume.driver).size(world.settings.volumes, volume)
    return volume if size in (None, volume.size) else volume_resized(volume, size or 0)


def volume_resized(volume: Volume, size: int) -> Volume:
    """Return the next version of a volume, with another size."""
    return replace(volume, size=size, version=volume.version + 1)
