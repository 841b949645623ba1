"""Filling a store from the engine: the labels of its containers, images and volumes hold all that a store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.replicasets import claims
from workbench.replicasets.amendments import recorded_options
from workbench.replicasets.claims import LEDGER
from workbench.replicasets.codec import decode, encode
from workbench.replicasets.containers import ID, labelled_version
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.records import READY, put_set, put_version, put_volume, set_journal, set_key, volume_key
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Claim, ReplicaSet, State, Version
from workbench.replicasets.volumes.labels import volume_of
from workbench.replicasets.world import World

Changed = dict[tuple[str, int], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RecoveredSet:
    """A set as the engine's labels describe it."""

    set: ReplicaSet
    versions: tuple[Version, ...]

    def claims(self) -> list[Claim]:
        """Return its claims: of a stopped set its name and its ports."""
        current = self.versions[-1]

        def one(kind: str, name: str, cpus: int = 0, memory: int = 0) -> Claim:
            return Claim(kind, name, current.set, current.id, (current.number,), current.owner, cpus, memory)

        claims = [one("set", current.set)]
        claims += [one("port", f"{port.host}-{port.protocol}") for port in current.ports if port.host]
        if self.set.state.holds:
            claims += [one("gpu", gpu) for gpu in current.gpus]
            claims.append(one("share", f"{current.id}-{current.number}", current.cpus, current.memory))
        return claims


def rebuild(world: World) -> list[str]:
    """Fill a store that was never filled, and return a sentence for each set; do nothing to one that was."""
    if world.store.get(READY) is not None:
        return []
    sets = sets_of(world)
    volumes = [known for each in world.engine.volumes(world.label("volume")) if (known := volume_of(world, each))]
    messages = []
    for each in sets:
        if world.store.commit(_written(each)):
            messages.append(
                f"{each.set.name}: version {each.set.current}, {each.set.state}, read from the engine's labels"
            )
    for volume in volumes:
        world.store.commit(Changes({volume_key(volume.name): 0}) | put_volume(volume))
    world.store.commit(Changes({READY: 0}, {READY: world.now()}))
    return messages


def adopt(world: World) -> list[str]:
    """Add sets and later versions that the engine has and the store, when it is an older copy, does not."""
    messages = []
    for each in sets_of(world):
        name = each.set.name
        entry = world.store.get(set_key(name))
        known = None if entry is None else decode(ReplicaSet, entry.value)
        if known is not None and (known.id != each.set.id or known.current >= each.set.current):
            continue
        ledger = claims.read_ledger(world.store)
        others = [claim for claim in ledger.claims if claim.id != each.set.id]
        checks = Changes({set_key(name): entry.revision if entry else 0, set_journal(name): 0})
        if world.store.commit(_rows(each) | checks | ledger.changes([*others, *each.claims()])):
            messages.append(
                f"{name}: version {each.set.current} was not in the store, and is read from the engine's labels"
            )
    return messages


def sets_of(world: World) -> list[RecoveredSet]:
    """Return all sets of ours that have a container that was ever started."""
    by_id: dict[str, list[tuple[Version, Container]]] = {}
    changed = recorded_options(world)
    for container in world.engine.containers(world.label(ID)):
        version = _version(world, container.labels, changed)
        if version is not None and version.container == container.name and container.started:
            by_id.setdefault(version.id, []).append((version, container))
    images = _recorded(world, changed)
    return [_recovered_set(members, images) for members in by_id.values()]


def _recorded(world: World, changed: Changed) -> list[Version]:
    """Return the versions whose disks are in images."""
    versions: list[Version] = []
    recording = world.engine.capability(RecordingDisks)
    for image in recording.images(world.label(ID)) if recording else ():
        version = _version(world, image.labels, changed)
        if version is not None and (name := world.disk_image(version.id, version.number)) in image.names:
            versions.append(replace(version, disk=name))
    return versions


def _recovered_set(members: Iterable[tuple[Version, Container]], images: Iterable[Version]) -> RecoveredSet:
    # The old one is ended before the next is started: at most one of them runs.
    version, container = max(members, key=lambda each: (each[1].is_alive, each[0].number))
    # What came after it was not finished.
    # Images have no values of variables: those of the set, which never change, are its containers'.
    older = [each for each in images if each.id == version.id and each.number < version.number]
    known = {each.number: replace(each, env=each.env or version.env) for each in older}
    known |= {each.number: each for each, _ in members if each.number <= version.number}
    state = {"running": State.RUNNING, "paused": State.PAUSED}.get(container.state, State.STOPPED)
    state = State.PENDING if container.is_pending else state
    first = known[min(known)]
    recovered = ReplicaSet(version.set, version.id, first.created, version.number, state, version.owner)
    return RecoveredSet(recovered, tuple(known[number] for number in sorted(known)))


def _written(recovered: RecoveredSet) -> Changes:
    claimed = {f"claims/{each.kind}/{each.name}": encode(each) for each in recovered.claims()} | {LEDGER: ""}
    return _rows(recovered) | Changes({set_key(recovered.set.name): 0}, claimed)


def _rows(recovered: RecoveredSet) -> Changes:
    changes = put_set(recovered.set)
    for version in recovered.versions:
        changes |= put_version(version)
    return changes


def _version(world: World, labels: Mapping[str, str], changed: Changed) -> Version | None:
    version = labelled_version(world, labels)
    return None if version is None else replace(version, **changed.get((version.id, version.number), {}))
