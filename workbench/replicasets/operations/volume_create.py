"""Creating a volume: its place, then the engine's volume on it."""

from __future__ import annotations

import uuid

from workbench.replicasets import checks, containers
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import MountingVolumes, require
from workbench.replicasets.errors import Conflict
from workbench.replicasets.operations.volume_quota import claim_volume
from workbench.replicasets.records import put_volume, volume_journal, volume_key
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Quota, Volume
from workbench.replicasets.volumes.drivers import choose, driver_of
from workbench.replicasets.volumes.labels import labels, volume_of
from workbench.replicasets.world import World


def _place(world: World, volume: Volume) -> None:
    driver_of(volume.driver).create(world.settings.volumes, volume)


def _unplace(world: World, volume: Volume) -> None:
    driver_of(volume.driver).remove(world.settings.volumes, volume)


def _create(world: World, volume: Volume) -> None:
    options = driver_of(volume.driver).create(world.settings.volumes, volume)
    name = containers.volume_name(world, volume.name)
    if options:
        require(world.engine, MountingVolumes).create_mounted_volume(name, options, labels(world, volume))
    else:
        world.engine.create_volume(name, labels(world, volume))


def _remove(world: World, volume: Volume) -> None:
    found = world.engine.volume(containers.volume_name(world, volume.name))
    # What an older store knew under this name is not ours to remove.
    if found is not None and (known := volume_of(world, found)) is not None and known.id == volume.id:
        world.engine.remove_volume(found.name)


def _done(world: World, volume: Volume) -> Changes:
    return put_volume(volume)


CREATE = saga(
    Saga(
        "create volume",
        Volume,
        (Step("place", _place, _unplace), Step("create", _create, _remove)),
        point=2,
        done=_done,
    )
)


def create_volume(world: World, name: str, size: str = "", owner: str = "", quota: Quota | None = None) -> Volume:
    """See ReplicaSets.create_volume."""
    checks.volume_name(name)
    bytes_ = checks.size(size) if size else 0
    if bytes_:
        require(world.engine, MountingVolumes)
    driver = choose(world.settings.volumes, bytes_)
    volume = Volume(name, uuid.uuid4().hex, driver, bytes_, 1, world.now(), owner)

    def prepare() -> tuple[Volume, Changes]:
        if world.store.get(volume_key(name)) is not None:
            raise Conflict(f"there is a volume {name} already", Code.VOLUME_EXISTS, hint="choose another name")
        return volume, Changes({volume_key(name): 0}) | claim_volume(world.store, volume, quota)

    with alone(world, volume_journal(name)):
        return carry_out(world, CREATE, volume_journal(name), prepare)
