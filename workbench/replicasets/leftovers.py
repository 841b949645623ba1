"""Removing what operations left in the engine: containers that were never started, and what could not be removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.replicasets import containers
from workbench.replicasets.codec import encode
from workbench.replicasets.engines.capabilities import KeepingSecrets, RemovingRemains, require
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.errors import EngineError
from workbench.replicasets.problems import Problems
from workbench.replicasets.records import JOURNAL, SETS, readable, set_journal
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import ReplicaSet, Version
from workbench.replicasets.world import World

LEFT = "leftovers/"
# Secrets of a set that is not known here may be another service's, whose container is just being created.
_FOREIGN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Leftover:
    """The container of a version, and images, that the engine would not remove when nobody needed them any more."""

    version: Version
    images: tuple[str, ...] = ()


def leave(version: Version, images: tuple[str, ...]) -> Changes:
    """Return the changes that record what is to be removed later."""
    return Changes(puts={f"{LEFT}{version.id}/{version.number}": encode(Leftover(version, images))})


def remove_leftovers(world: World, problems: Problems) -> list[str]:
    """Remove what is nobody's; return a sentence for each. What cannot be removed is a problem of its set."""
    messages = []
    with problems.guard("", "the containers cannot be listed"):
        for container in world.engine.containers(world.label(containers.ID)):
            version = containers.labelled_version(world, container.labels)
            if version is None or version.container != container.name:
                continue
            if container.state == "created" and not container.started:
                with problems.guard(version.set, f"{container.name}, which was left, cannot be removed"):
                    messages += _never_started(world, container, version)
    messages += _recorded(world, problems)
    with problems.guard("", "remains of containers cannot be listed"):
        messages += _remains(world, problems)
    with problems.guard("", "secrets of containers cannot be listed"):
        messages += _secrets(world, problems)
    return messages


def discard(world: World, version: Version) -> None:
    """Remove the container of a version that is given up, and what was made for it before there was one."""
    containers.remove(world, version)
    discard_unnamed(world, lambda name: name == version.container)


def discard_unnamed(world: World, chosen: Callable[[str], bool]) -> None:
    """Remove what was made for containers, of the names that `chosen` is true of, that the engine does not have."""
    if (removing := world.engine.capability(RemovingRemains)) is not None:
        for remains, name in removing.remains():
            if chosen(name):
                removing.remove_remains(remains)
    if (keeping := world.engine.capability(KeepingSecrets)) is not None:
        for name in filter(chosen, keeping.stray_secrets()):
            keeping.remove_secrets(name)


def _never_started(world: World, container: Container, version: Version) -> list[str]:
    """Remove a container that was created for a version that was given up."""
    with world.locks.hold(set_journal(version.set), 0):
        if world.store.get(set_journal(version.set)) is not None or _is_current(world, version):
            return []
        again = world.engine.container(container.id)
        if again is None or again.state != "created" or again.started:
            return []
        world.engine.remove(container.id)
        return [f"{container.name} was left by an interrupted operation and is removed"]


def _is_current(world: World, version: Version) -> bool:
    sets = readable(world.store, ReplicaSet, SETS, Problems())
    return any(each.id == version.id and each.current == version.number for each in sets)


def _recorded(world: World, problems: Problems) -> list[str]:
    """Remove what an operation recorded because the engine refused to remove it then."""
    messages = []
    for each in readable(world.store, Leftover, LEFT, problems):
        version = each.version
        with problems.guard(version.set, f"what is left of {version.container} cannot be removed"):
            containers.remove(world, version)
            for image in each.images:
                try:
                    require(world.engine, RecordingDisks).remove_image(image)
                except EngineError as error:
                    if error.status != 409:
                        raise
                    # Something else was made from it meanwhile, and is its owner's to remove.
            world.store.commit(Changes(deletes=frozenset({f"{LEFT}{version.id}/{version.number}"})))
            messages.append(f"what was left of {version.container} is removed")
    return messages


def _remains(world: World, problems: Problems) -> list[str]:
    """Remove half-made containers that have the name of a version of ours, of which the engine itself has none."""
    removing = world.engine.capability(RemovingRemains)
    if removing is None:
        return []
    messages = []
    for remains, name in removing.remains():
        owner, _, number = name.rpartition("-")
        if not number.isdigit() or not _is_ours(world, owner):
            continue
        with (
            problems.guard(owner, f"what is left of {name} cannot be removed"),
            world.locks.hold(set_journal(owner), 0),
        ):
            if world.store.get(set_journal(owner)) is None:
                removing.remove_remains(remains)
                messages.append(f"{name} was left half made and is removed")
    return messages


def _secrets(world: World, problems: Problems) -> list[str]:
    """Remove secrets of containers that were never created, or were removed past the service."""
    keeping, messages = world.engine.capability(KeepingSecrets), list[str]()
    if keeping is None:
        return []
    for name, made in keeping.stray_secrets().items():
        owner, _, number = name.rpartition("-")
        if not number.isdigit() or (not _is_ours(world, owner) and _age(world, made) < _FOREIGN):
            continue
        with (
            problems.guard(owner, f"the secrets of {name} cannot be removed"),
            world.locks.hold(set_journal(owner), 0),
        ):
            # Once more: its container may have been created meanwhile.
            if world.store.get(set_journal(owner)) is None and name in keeping.stray_secrets():
                keeping.remove_secrets(name)
                messages.append(f"the variables of {name}, which does not exist, are removed")
    return messages


def _age(world: World, made: str) -> timedelta:
    return datetime.fromisoformat(world.now()) - datetime.fromisoformat(made)


def _is_ours(world: World, name: str) -> bool:
    return bool(world.store.get(SETS + name) or world.store.get(f"{JOURNAL}set/{name}"))
