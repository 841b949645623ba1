"""Creating, resizing and deleting volumes, and listing them.

A volume is resized in its place: no data is moved or removed before what takes its place was checked.
"""

from __future__ import annotations

import uuid

from workbench.replicasets import checks, containers
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import MountingVolumes, SizingVolumes, require
from workbench.replicasets.errors import Conflict, Invalid, Unsupported
from workbench.replicasets.operations.volume_usage import VolumeResizePlan, claim_volume, users
from workbench.replicasets.quantities import size as parse_size
from workbench.replicasets.records import (
    VOLUMES,
    find_volume,
    put_volume,
    read_all,
    volume_journal,
    volume_key,
    volume_versions_key,
)
from workbench.replicasets.rights import own_volume
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, Quota, Volume
from workbench.replicasets.volumes.drivers import ENGINE, choose, driver_of
from workbench.replicasets.volumes.labels import labels, volume_of, volume_resized
from workbench.replicasets.world import World


def _place(world: World, volume: Volume) -> None:
    driver_of(volume.driver).create(world.settings.volumes, volume)


def _unplace(world: World, volume: Volume) -> None:
    driver_of(volume.driver).remove(world.settings.volumes, volume)


def _create(world: World, volume: Volume) -> None:
    options = driver_of(volume.driver).create(world.settings.volumes, volume)
    name = containers.volume_name(world, volume.name)
    if volume.driver == ENGINE:
        require(world.engine, SizingVolumes).create_sized_volume(name, volume.size, labels(world, volume))
    elif options:
        require(world.engine, MountingVolumes).create_mounted_volume(name, options, labels(world, volume))
    else:
        world.engine.create_volume(name, labels(world, volume))


def _uncreate(world: World, volume: Volume) -> None:
    existing = world.engine.volume(containers.volume_name(world, volume.name))
    # What an older store knew under this name is not ours to remove.
    if existing is not None and (own := volume_of(world, existing)) is not None and own.id == volume.id:
        world.engine.remove_volume(existing.name)


def _created(world: World, volume: Volume) -> Changes:
    return put_volume(volume)


CREATE = saga(
    Saga(
        "create volume",
        Volume,
        (SagaStep("place", _place, _unplace), SagaStep("create", _create, _uncreate)),
        point=2,
        done=_created,
    )
)


def _prepare(world: World, plan: VolumeResizePlan) -> None:
    driver = driver_of(plan.old.driver)
    # Only now: no set that binds it can begin anything while our journal stands.
    if not driver.live and (busy := users(world, plan.old.name, alive=True)):
        raise Conflict(f"{plan.old.name} is in use by {', '.join(busy)}", hint="stop them, resize, restart them")
    driver.prepare(world.settings.volumes, plan.old, plan.new.size)
    if plan.old.driver == ENGINE:
        # All that can fail of it: once the engine has taken it, it will be done.
        name = containers.volume_name(world, plan.old.name)
        require(world.engine, SizingVolumes).grow_volume(name, plan.new.size)


def _discard(world: World, plan: VolumeResizePlan) -> None:
    driver_of(plan.old.driver).discard(world.settings.volumes, plan.old)


def _apply(world: World, plan: VolumeResizePlan) -> None:
    driver_of(plan.old.driver).apply(world.settings.volumes, plan.old, plan.new.size)


def _resized(world: World, plan: VolumeResizePlan) -> Changes:
    return put_volume(plan.new)


RESIZE = saga(
    Saga(
        "resize volume",
        VolumeResizePlan,
        (SagaStep("prepare", _prepare, _discard), SagaStep("apply", _apply)),
        point=1,
        done=_resized,
    )
)


def _refuse_used(world: World, volume: Volume) -> None:
    if busy := users(world, volume.name):
        raise Conflict(
            f"{volume.name} is bound by {', '.join(busy)}",
            hint="delete those sets first: their older versions bind it too",
        )


def _remove(world: World, volume: Volume) -> None:
    world.engine.remove_volume(containers.volume_name(world, volume.name))


def _deleted(world: World, volume: Volume) -> Changes:
    # By the volume's name and id, not by that of a version of it (fault B13); and last of all.
    return Changes(deletes=frozenset({volume_key(volume.name)}), drops=frozenset({volume_versions_key(volume.id)}))


DELETE = saga(
    Saga(
        "delete volume",
        Volume,
        (SagaStep("look", _refuse_used), SagaStep("remove", _remove), SagaStep("unplace", _unplace)),
        point=1,
        yields=True,
        done=_deleted,
    )
)


def create(world: World, name: str, size: str, caller: Caller) -> Volume:
    """See ReplicaSets.create_volume."""
    checks.volume_name(name)
    bytes_ = parse_size(size) if size else 0
    if world.engine.capability(SizingVolumes) is not None:
        driver = ENGINE
        if not bytes_:
            raise Invalid("volumes of this engine have a size", hint=f"`volume create {name} --size 10GB`")
    else:
        if bytes_:
            require(world.engine, MountingVolumes)
        driver = choose(world.settings.volumes, bytes_)
    volume = Volume(name, uuid.uuid4().hex, driver, bytes_, 1, world.now(), caller.name)

    def prepare() -> tuple[Volume, Changes]:
        if world.store.get(volume_key(name)) is not None:
            raise Conflict(f"there is a volume {name} already", Code.VOLUME_EXISTS, hint="choose another name")
        return volume, Changes({volume_key(name): 0}) | claim_volume(world.store, volume, caller.quota)

    with exclusive(world, volume_journal(name)):
        return carry_out(world, CREATE, volume_journal(name), prepare)


def resize(world: World, name: str, size: str, caller: Caller) -> Volume:
    """See ReplicaSets.resize_volume."""
    checks.volume_name(name)
    bytes_ = parse_size(size)
    with exclusive(world, volume_journal(name)):
        old = own_volume(world.store, name, caller)
        if old.size == bytes_:
            raise Invalid(f"{name} has that size already", Code.VOLUME_SAME_SIZE)
        if not old.size:
            raise Invalid(f"{name} was created without a size, and has none to change", hint="create a sized volume")
        if bytes_ < old.size and not driver_of(old.driver).shrinks:
            raise Unsupported(f"volumes of {old.driver} cannot be made smaller", hint="create a smaller one, and copy")
        plan = VolumeResizePlan(old, volume_resized(old, bytes_))
        # Less is never too much, even for an owner who has more than the quota.
        quota = caller.quota_of(old.owner) if bytes_ > old.size else Quota()
        return carry_out(
            world, RESIZE, volume_journal(name), lambda: (plan, claim_volume(world.store, plan.new, quota))
        ).new


def delete(world: World, name: str, caller: Caller) -> None:
    """See ReplicaSets.delete_volume."""
    checks.volume_name(name)
    with exclusive(world, volume_journal(name)):
        volume = own_volume(world.store, name, caller)
        carry_out(world, DELETE, volume_journal(name), lambda: (volume, Changes()))


def volumes(world: World) -> list[Volume]:
    """See ReplicaSets.volumes."""
    return read_all(world.store, Volume, VOLUMES)


def volume(world: World, name: str, caller: Caller) -> Volume:
    """See ReplicaSets.volume."""
    return find_volume(world.store, checks.volume_name(name), caller)


def history(world: World, name: str, caller: Caller) -> list[Volume]:
    """See ReplicaSets.volume_history."""
    found = find_volume(world.store, checks.volume_name(name), caller)
    return read_all(world.store, Volume, volume_versions_key(found.id))[::-1]
