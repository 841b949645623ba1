"""Deleting a volume with what is in it, once nothing binds it any more."""

from __future__ import annotations

from workbench.replicasets import checks, containers
from workbench.replicasets.errors import Conflict
from workbench.replicasets.operations.volume_use import users
from workbench.replicasets.records import volume_journal, volume_key, volume_versions_key
from workbench.replicasets.rights import own_volume
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, Volume
from workbench.replicasets.volumes.drivers import driver_of
from workbench.replicasets.world import World


def _refuse_used(world: World, volume: Volume) -> None:
    if busy := users(world, volume.name):
        raise Conflict(
            f"{volume.name} is bound by {', '.join(busy)}",
            hint="delete those sets first: their older versions bind it too",
        )


def _remove(world: World, volume: Volume) -> None:
    world.engine.remove_volume(containers.volume_name(world, volume.name))


def _unplace(world: World, volume: Volume) -> None:
    driver_of(volume.driver).remove(world.settings.volumes, volume)


def _done(world: World, volume: Volume) -> Changes:
    # By the volume's name and id, not by that of a version of it (fault B13); and last of all.
    return Changes(deletes=frozenset({volume_key(volume.name)}), drops=frozenset({volume_versions_key(volume.id)}))


DELETE_VOLUME = saga(
    Saga(
        "delete volume",
        Volume,
        (Step("look", _refuse_used), Step("remove", _remove), Step("unplace", _unplace)),
        point=1,
        yields=True,
        done=_done,
    )
)


def delete_volume(world: World, name: str, actor: Actor | None = None) -> None:
    """See ReplicaSets.delete_volume."""
    checks.volume_name(name)
    with alone(world, volume_journal(name)):
        volume = own_volume(world.store, name, actor)
        carry_out(world, DELETE_VOLUME, volume_journal(name), lambda: (volume, Changes()))
