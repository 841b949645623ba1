"""Options that were changed while a container ran, kept in the engine: labels of a container cannot change.

They are the labels of an empty volume beside it, one for a version whose options are not those that
its container was created with. So they outlive the store, the container's processes and the machine's
reboot; and they go with the version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.options import LIVE
from workbench.replicasets.values import Version
from workbench.replicasets.world import World

_OF = "amended"
_LIMITS = "limits"


def record_options(world: World, version: Version, container: Container | None) -> None:
    """Record the live options of `version`, or forget them when they are those its container was created with."""
    forget(world, version.id, version.number)
    created = version_at_creation(world, container) if container is not None else None
    if created is None or live(created) != live(version):
        labels = {world.label(_OF): version.id, world.label(_LIMITS): encode(replace(version, env=()))}
        world.engine.create_volume(_name(world, version.id, version.number), labels)


def forget(world: World, set_id: str, number: int) -> None:
    """Forget the options that were recorded of a version."""
    world.engine.remove_volume(_name(world, set_id, number))


def forget_all(world: World, set_id: str) -> None:
    """Forget the options that were recorded of a set."""
    for each in world.engine.volumes(f"{world.label(_OF)}={set_id}"):
        world.engine.remove_volume(each.name)


def recorded_options(world: World) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the options that were recorded, by the id of the set and the number of the version."""
    found = {}
    for each in world.engine.volumes(world.label(_OF)):
        if (version := read(each.labels.get(world.label(_LIMITS), ""))) is not None:
            found[version.id, version.number] = live(version)
    return found


def version_at_creation(world: World, container: Container) -> Version | None:
    """Return the version as it was when its container was created, None when the container is not ours."""
    return read(container.labels.get(world.label("spec"), ""))


def limits(version: Version | None) -> tuple[int, int]:
    """Return the CPUs and the memory that a version may use."""
    return (version.cpus, version.memory) if version else (0, 0)


def live(version: Version) -> dict[str, Any]:
    """Return the options of a version that can change while it runs, by name."""
    return {name: getattr(version, name) for name in LIVE}


def read(text: str) -> Version | None:
    """Return the version that a label holds, None when it holds none."""
    try:
        return decode(Version, text)
    except (ValueError, TypeError, KeyError):
        return None


def _name(world: World, set_id: str, number: int) -> str:
    # A name of ours: those of users' volumes have one dash, after the prefix.
    return f"{world.settings.prefix}-limits-{set_id}-{number}"
