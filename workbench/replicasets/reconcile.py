"""Making store and engine agree after a crash or a reboot: operations are settled, leaked claims released."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.replicasets import claims
from workbench.replicasets.engines.capabilities import require
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.folders import release_unused
from workbench.replicasets.leftovers import remove_leftovers
from workbench.replicasets.networks import keep_apart, remove_unused
from workbench.replicasets.observe import observe
from workbench.replicasets.operations.prune import prune_all
from workbench.replicasets.owner import is_at_work
from workbench.replicasets.problems import Problem, Problems
from workbench.replicasets.reboot import after_reboot
from workbench.replicasets.rebuild import adopt, rebuild
from workbench.replicasets.records import JOURNAL, READY, SETS, readable, set_journal
from workbench.replicasets.restarts import start_again
from workbench.replicasets.saga import Journal, commit_changes, exclusive, journal_of
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.trials import remove_trials
from workbench.replicasets.values import ReplicaSet
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a reconcile did, a sentence for each change, and what is wrong still. `at` is when it was, ISO 8601."""

    at: str
    done: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def reconcile(world: World) -> Reconciled:
    """Settle every journal whose writer is gone, clean up, and start what is to run.

    Sets with an operation under way are left alone. It may be called at any time, and again. What fails for one set,
    or one of the engine's lists, is a problem and stops nothing else; only without the store nothing can be done.
    """
    problems = Problems()
    done: list[str] = []
    with problems.guard("", "the store cannot be filled from the engine"):
        done += rebuild(world)
    if world.store.get(READY) is None:
        return Reconciled(world.now(), tuple(done), tuple(problems.found))
    done += _settled(world, problems)
    with problems.guard("", "what the engine has cannot be compared with the store"):
        done += adopt(world)
    # Before anything is started on them.
    with problems.guard("", "the networks of owners cannot be kept apart"):
        keep_apart(world)
    after_reboot(world, problems)
    done += remove_leftovers(world, problems)
    with problems.guard("", "images of interrupted operations cannot be listed"):
        done += _abandoned(world, problems)
    with problems.guard("", "what interrupted preflights left cannot be removed"):
        done += remove_trials(world.engine, world.settings.prefix)
    with problems.guard("", "claims of sets that no longer exist cannot be released"):
        done += _unowned(world)
    with problems.guard("", "the containers cannot be listed"):
        done += observe(world, problems)
    with problems.guard("", "folders that nobody uses cannot be let go"):
        done += release_unused(world)
    with problems.guard("", "networks that nobody uses cannot be removed"):
        remove_unused(world)
    done += start_again(world, problems)
    done += prune_all(world, problems)
    return Reconciled(world.now(), tuple(done), tuple(problems.found))


def _settled(world: World, problems: Problems) -> list[str]:
    messages = []
    for key, entry in world.store.list(JOURNAL):
        name = key.rpartition("/")[2]
        with problems.guard(name, "an interrupted operation cannot be settled"):
            journal: Journal = journal_of(key, entry.value)
            if is_at_work(journal.owner, key):
                continue
            with exclusive(world, key):
                messages.append(f"{name}: {journal.operation} was interrupted and is settled")
    return messages


def _abandoned(world: World, problems: Problems) -> list[str]:
    """Remove images whose recording was interrupted, and that the engine finished nevertheless."""
    recording, messages = world.engine.capability(RecordingDisks), list[str]()
    for name in recording.abandoned_images() if recording is not None else ():
        with problems.guard("", f"{name}, which was left by an interrupted operation, cannot be removed"):
            require(world.engine, RecordingDisks).remove_image(name)
            messages.append(f"{name} was left by an interrupted operation and is removed")
    return messages


def _unowned(world: World) -> list[str]:
    """Release the claims of sets that neither exist nor are being created."""
    messages: list[str] = []

    def changes() -> Changes:
        ledger = claims.read_ledger(world.store)
        # In this order: a set that is being created is in the journal until it is among the sets.
        busy = {key for key, _ in world.store.list(JOURNAL)}
        unreadable = Problems()
        known = {each.id for each in readable(world.store, ReplicaSet, SETS, unreadable)}
        # A set that cannot be read may have any id.
        spared = {each.set for each in unreadable.found}
        lost = [
            each
            for each in ledger.claims
            if each.id not in known and each.set not in spared and set_journal(each.set) not in busy
        ]
        messages[:] = [f"{each.kind} {each.name} was claimed by {each.set}, which no longer exists" for each in lost]
        return ledger.changes(each for each in ledger.claims if each not in lost)

    commit_changes(world, changes)
    return messages
