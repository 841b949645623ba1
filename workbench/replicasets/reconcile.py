"""Making store and engine agree after a crash or a reboot: operations are settled, leaked claims released."""

from __future__ import annotations

from workbench.replicasets import claims
from workbench.replicasets.codec import decode
from workbench.replicasets.containers import ID, SPEC
from workbench.replicasets.engines.capabilities import RecordingDisks
from workbench.replicasets.errors import Busy, EngineError
from workbench.replicasets.folders import release_unused
from workbench.replicasets.networks import remove_unused
from workbench.replicasets.operations.prune import prune_all
from workbench.replicasets.owner import is_at_work
from workbench.replicasets.reboot import start_again
from workbench.replicasets.rebuild import adopt, rebuild
from workbench.replicasets.records import JOURNAL, SETS, read_all, set_journal
from workbench.replicasets.saga import Journal, commit_changes, exclusive
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import ReplicaSet, Version
from workbench.replicasets.world import World


def reconcile(world: World) -> list[str]:
    """Settle every journal whose writer is gone, clean up, and return a sentence for each change.

    Sets with an operation under way are left alone. It may be called at any time, and again.
    """
    messages = rebuild(world)
    for key, entry in world.store.list(JOURNAL):
        journal = decode(Journal, entry.value)
        if is_at_work(journal.owner, key):
            continue
        with exclusive(world, key):
            messages.append(f"{key.rpartition('/')[2]}: {journal.operation} was interrupted and is settled")
    messages += adopt(world)
    messages += _leftovers(world)
    messages += _abandoned(world)
    messages += _unowned(world)
    messages += release_unused(world)
    remove_unused(world)
    messages += start_again(world)
    messages += prune_all(world)
    return messages


def _leftovers(world: World) -> list[str]:
    """Remove our containers that were created for a version that was given up, and never started."""
    messages = []
    for container in world.engine.containers(world.label(ID)):
        if container.started or container.state != "created":
            continue
        version = decode(Version, container.labels[world.label(SPEC)])
        if version.container != container.name:
            continue
        try:
            with world.locks.hold(set_journal(version.set), 0):
                if world.store.get(set_journal(version.set)) is not None or _is_current(world, version):
                    continue
                again = world.engine.container(container.id)
                if again is not None and again.state == "created" and not again.started:
                    world.engine.remove(container.id)
                    messages.append(f"{container.name} was left by an interrupted operation and is removed")
        except Busy:
            continue
    return messages


def _abandoned(world: World) -> list[str]:
    """Remove images whose recording was interrupted, and that the engine finished nevertheless."""
    recording, messages = world.engine.capability(RecordingDisks), list[str]()
    if recording is None:
        return messages
    for name in recording.abandoned_images():
        try:
            recording.remove_image(name)
            messages.append(f"{name} was left by an interrupted operation and is removed")
        except EngineError as error:
            messages.append(f"{name} was left by an interrupted operation and cannot be removed: {error.message}")
    return messages


def _is_current(world: World, version: Version) -> bool:
    sets = read_all(world.store, ReplicaSet, SETS)
    return any(each.id == version.id and each.current == version.number for each in sets)


def _unowned(world: World) -> list[str]:
    """Release the claims of sets that neither exist nor are being created."""
    messages: list[str] = []

    def changes() -> Changes:
        ledger = claims.read_ledger(world.store)
        # In this order: a set that is being created is in the journal until it is among the sets.
        busy = {key for key, _ in world.store.list(JOURNAL)}
        known = {each.id for each in read_all(world.store, ReplicaSet, SETS)}
        lost = [each for each in ledger.claims if each.id not in known and set_journal(each.set) not in busy]
        messages[:] = [f"{each.kind} {each.name} was claimed by {each.set}, which no longer exists" for each in lost]
        return ledger.changes(each for each in ledger.claims if each not in lost)

    commit_changes(world, changes)
    return messages
