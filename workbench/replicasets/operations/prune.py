"""Removing a set's oldest versions for good, disks and all. Once begun it is finished, now or later."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.replicasets import checks, containers
from workbench.replicasets.amendments import forget
from workbench.replicasets.engines.disk_capabilities import MeasuringDisks, RecordingDisks
from workbench.replicasets.errors import EngineError, Invalid
from workbench.replicasets.leftovers import leave
from workbench.replicasets.problems import Problems
from workbench.replicasets.records import (
    SETS,
    edits_key,
    find_set,
    read_all,
    readable,
    set_journal,
    version_key,
    versions_key,
)
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, ReplicaSet, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """The plan: the versions that go. The current one is never among them."""

    set: ReplicaSet
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is gone, newest first, with the bytes that are free at least; `kept` are those that others are based on."""

    versions: tuple[tuple[int, int], ...]
    kept: tuple[int, ...] = ()


def _containers(world: World, plan: PrunePlan) -> None:
    for version in plan.versions:
        containers.remove(world, version)


def _images(world: World, plan: PrunePlan) -> None:
    recording = world.engine.capability(RecordingDisks)
    # A later one may be based on the earlier ones.
    for version in plan.versions:
        if version.disk and recording is not None:
            try:
                recording.remove_image(version.disk)
            except EngineError as error:
                if error.status != 409:
                    raise
                # Something else was made from it meanwhile, and is its owner's to remove.


def _limits(world: World, plan: PrunePlan) -> None:
    for version in plan.versions:
        forget(world, version.id, version.number)


def _done(world: World, plan: PrunePlan) -> Changes:
    keys = (key(each.id, each.number) for each in plan.versions for key in (version_key, edits_key))
    return Changes(deletes=frozenset(keys))


def _left(world: World, plan: PrunePlan) -> Changes:
    changes = Changes()
    for each in plan.versions:
        changes |= leave(each, (each.disk,) if each.disk else ())
    return changes


PRUNE = saga(
    Saga(
        "prune",
        PrunePlan,
        (SagaStep("containers", _containers), SagaStep("images", _images), SagaStep("limits", _limits)),
        point=0,
        done=_done,
        left=_left,
    )
)


def prune(world: World, name: str, keep: int, dry_run: bool, caller: Caller) -> Pruned:
    """See ReplicaSets.prune."""
    checks.set_name(name)
    if keep < 0 or not (keep or world.settings.keep_versions):
        raise Invalid(
            "the number of versions to keep is missing", hint="1 or more, or start the service with --keep-versions"
        )
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        gone, kept = _chosen(world, current, keep or world.settings.keep_versions)
        sizes = tuple((each.number, _size(world, each)) for each in gone)
        if gone and not dry_run:
            _carried_out(world, current, gone)
        return Pruned(sizes, tuple(each.number for each in kept))


def prune_all(world: World, problems: Problems) -> list[str]:
    """Prune every set to what the settings keep, but those that are busy; return a sentence for each pruned one."""
    messages = []
    for each in readable(world.store, ReplicaSet, SETS, problems) if world.settings.keep_versions else ():
        key = set_journal(each.name)
        with problems.guard(each.name, "its oldest versions cannot be removed"), world.locks.hold(key, 0):
            if world.store.get(key) is not None:
                continue
            current = find_set(world.store, each.name)
            gone, _ = _chosen(world, current, world.settings.keep_versions)
            if gone:
                _carried_out(world, current, gone)
                messages.append(f"{each.name}: versions {', '.join(str(v.number) for v in gone)} are pruned")
    return messages


def _carried_out(world: World, current: ReplicaSet, gone: list[Version]) -> None:
    plan = PrunePlan(current, tuple(gone))
    carry_out(world, PRUNE, set_journal(current.name), lambda: (plan, Changes()))


def _chosen(world: World, current: ReplicaSet, keep: int) -> tuple[list[Version], list[Version]]:
    """Return the versions to prune, newest first, and those older ones whose image a remaining container uses."""
    versions = read_all(world.store, Version, versions_key(current.id))[::-1]
    old = [each for each in versions[keep:] if each.number != current.current]
    if not old:
        return [], []
    going = {each.container for each in old}
    standing = world.engine.containers(world.label(containers.ID))
    used = {each.image for each in standing if each.name not in going}
    gone: list[Version] = []
    kept: list[Version] = []
    for each in old:
        image = world.engine.image(each.disk) if each.disk else None
        (kept if image is not None and image.id in used else gone).append(each)
    return gone, kept


def _size(world: World, version: Version) -> int:
    measuring = world.engine.capability(MeasuringDisks)
    if measuring is None:
        return 0
    standing = containers.look_up(world, version)
    size = measuring.container_size(standing.name) if standing is not None else 0
    return size + (measuring.image_size(version.disk) if version.disk else 0)
