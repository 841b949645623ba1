"""Deleting a set with all its versions. Volumes stay. Once begun it is finished, now or later."""

from __future__ import annotations

from workbench.replicasets import checks, claims, folders, networks
from workbench.replicasets.amendments import forget_all
from workbench.replicasets.containers import ID
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.errors import EngineError
from workbench.replicasets.leftovers import discard_unnamed
from workbench.replicasets.records import edits_key, lines_key, read_all, set_journal, set_key, versions_key
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, SagaStep, carry_out, overriding, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, ReplicaSet, Version
from workbench.replicasets.world import World


def _containers(world: World, plan: ReplicaSet) -> None:
    for container in world.engine.containers(f"{world.label(ID)}={plan.id}"):
        world.engine.remove(container.id)
    for version in read_all(world.store, Version, versions_key(plan.id)):
        folders.release(world, version)
    discard_unnamed(world, lambda name: name.rpartition("-")[0] == plan.name and name.rpartition("-")[2].isdigit())


def _images(world: World, plan: ReplicaSet) -> None:
    recording = world.engine.capability(RecordingDisks)
    if recording is None:
        return
    ours = world.disk_image(plan.id, 0).rpartition(":")[0]
    try:
        found = recording.images(f"{world.label(ID)}={plan.id}")
        names = {name for image in found for name in image.names if name.rpartition(":")[0] == ours}
    except EngineError:
        # An image that is damaged may keep the engine from listing any: these are the names that ours can have.
        names = {world.disk_image(plan.id, number) for number in range(1, plan.current + 2)}
    # A later one is based on the earlier ones.
    for name in sorted(names, key=lambda each: -int(each.rpartition(":")[2])):
        try:
            recording.remove_image(name)
        except EngineError as error:
            if error.status != 409:
                raise
            # Something else was made from it, and is its owner's to remove.


def _limits(world: World, plan: ReplicaSet) -> None:
    forget_all(world, plan.id)


def _network(world: World, plan: ReplicaSet) -> None:
    networks.leave(world, plan.owner)


def _done(world: World, plan: ReplicaSet) -> Changes:
    gone = Changes(
        deletes=frozenset({set_key(plan.name), lines_key(plan.id)}),
        drops=frozenset({versions_key(plan.id), edits_key(plan.id, None)}),
    )
    return gone | claims.release_all(claims.read_ledger(world.store), plan.id)


DELETE = saga(
    Saga(
        "delete",
        ReplicaSet,
        (
            SagaStep("containers", _containers),
            SagaStep("images", _images),
            SagaStep("limits", _limits),
            SagaStep("network", _network),
        ),
        point=0,
        done=_done,
    )
)


def delete(world: World, name: str, caller: Caller) -> None:
    """See ReplicaSets.delete."""
    checks.set_name(name)
    key = set_journal(name)
    with overriding(world, key, lambda: own_set(world.store, name, caller), everything=True) as unsettled:
        plan = own_set(world.store, name, caller)
        carry_out(world, DELETE, key, lambda: (plan, Changes()), over=unsettled)
