"""Making an image of a set's system disk, under a name of the user's. Volumes and binds are no part of it."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.replicasets import checks, containers, images
from workbench.replicasets.disks import check_size, freeze
from workbench.replicasets.engines.capabilities import Pausing, require
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.errors import Conflict
from workbench.replicasets.records import find_version, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """The plan: `was` is what the container did before."""

    version: Version
    image: str
    was: str


def _freeze(world: World, plan: CommitPlan) -> None:
    if plan.was == "running":
        freeze(world, plan.version)


def _thaw(world: World, plan: CommitPlan) -> None:
    found = containers.look_up(world, plan.version)
    if plan.was == "running" and found is not None and found.state == "paused":
        require(world.engine, Pausing).unpause(plan.version.container)


def _record(world: World, plan: CommitPlan) -> None:
    recording = require(world.engine, RecordingDisks)
    check_size(world, plan.version, recorded=True)
    recording.commit(plan.version.container, plan.image, labels=containers.commit_labels(world, plan.version))


def _forget(world: World, plan: CommitPlan) -> None:
    """Remove the image, unless somebody else gave the name to another one meanwhile."""
    made = world.engine.image(plan.image)
    labels = containers.commit_labels(world, plan.version)
    if made is not None and all(made.labels.get(name) == value for name, value in labels.items()):
        require(world.engine, RecordingDisks).remove_image(plan.image)


COMMIT = saga(
    Saga(
        "commit",
        CommitPlan,
        (
            SagaStep("freeze", _freeze, _thaw, running=True),
            SagaStep("record", _record, _forget),
            SagaStep("thaw", _thaw, running=True),
        ),
        point=2,
    )
)


def commit(world: World, name: str, image: str, caller: Caller) -> str:
    """See ReplicaSets.commit."""
    checks.set_name(name)
    full = images.name_to_commit(world, image, caller)
    require(world.engine, RecordingDisks)
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        version = find_version(world.store, current, current.current)
        if world.engine.image(full) is not None:
            raise Conflict(f"there is an image {full} already", hint="choose another name; nothing is ever overwritten")
        plan = CommitPlan(version, full, containers.find(world, version).state)
        if plan.was == "running":
            require(world.engine, Pausing)
        return carry_out(world, COMMIT, set_journal(name), lambda: (plan, Changes())).image
