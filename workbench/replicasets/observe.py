"""What became of the sets' containers: those that ended, were removed or frozen past the service are recorded so.

A set whose container ended holds its ports only, unless its restart policy has it started again.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import datetime, timedelta

from workbench.replicasets import claims, containers, folders
from workbench.replicasets.codec import decode
from workbench.replicasets.engines.capabilities import RunningElsewhere
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.errors import Busy, NotFound
from workbench.replicasets.problems import Problems
from workbench.replicasets.reboot import is_known
from workbench.replicasets.records import SETS, find_version, lines_key, put_set, readable, set_journal, set_key
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Ending, ReplicaSet, State, Version
from workbench.replicasets.world import World

# A set that ran for so long begins with the shortest delay again.
WELL_SECONDS = 600
LONGEST_DELAY = 300
_DEAD = ("exited", "created", "dead")
_BY_HAND = "its container was started by hand, without resources of its own; `rs stop` or `rs restart` it"
_TRIES = 5


def observe(world: World, problems: Problems | None = None) -> list[str]:
    """Compare all sets with their containers; return a sentence for each whose state is another now."""
    problems = Problems() if problems is None else problems
    if not is_known(world):
        return []  # after a reboot nothing runs: that is for `start_again`
    standing = {each.name: each for each in world.engine.containers(world.label(containers.ID))}
    messages = []
    for each in readable(world.store, ReplicaSet, SETS, problems):
        with problems.guard(each.name, "its container cannot be looked up"):
            found = standing.get(f"{each.name}-{each.current}")
            if found is not None and found.labels.get(world.label(containers.ID)) != each.id:
                found = None
            if not each.state.holds and found is not None and found.is_alive and _still(world, each, found):
                problems.add(each.name, _BY_HAND)
            if differs(each, found):
                messages += observe_set(world, each.name)
    return messages


def _still(world: World, each: ReplicaSet, found: Container) -> bool:
    """Return whether both are as they were: an operation may have ended since the first was read."""
    again, entry = world.engine.container(found.name), world.store.get(set_key(each.name))
    return again is not None and again.is_alive and entry is not None and decode(ReplicaSet, entry.value) == each


def differs(each: ReplicaSet, found: Container | None) -> bool:
    """Return whether a set with that container is in another state than is recorded, or waits for something else."""
    return _state(each, found) is not each.state or _waiting(each, found) != each.waiting


def started(world: World, each: ReplicaSet, version: Version) -> ReplicaSet:
    """Return a set whose container of that version was started: running, or pending with what it waits for."""
    # Elsewhere, or at once: an engine on this machine has started it.
    found = containers.look_up(world, version) if world.engine.capability(RunningElsewhere) is not None else None
    if found is None or not found.is_pending:
        return replace(each, state=State.RUNNING, waiting="")
    return replace(each, state=State.PENDING, waiting=found.reason)


def observe_set(world: World, name: str) -> list[str]:
    """Record what became of the set's container, unless an operation is under way; return what changed."""
    key = set_journal(name)
    try:
        with world.locks.hold(key, 0):
            for _ in range(_TRIES):
                entry = world.store.get(set_key(name))
                if entry is None or world.store.get(key) is not None or not is_known(world):
                    return []
                before = decode(ReplicaSet, entry.value)
                version = find_version(world.store, before, before.current)
                found = containers.look_up(world, version)
                if not differs(before, found):
                    return []
                after = _after(world, before, version, found)
                changes = Changes({set_key(name): entry.revision, key: 0}) | put_set(after)
                if not after.state.holds:
                    changes |= claims.keep_ports(claims.read_ledger(world.store), before.id)
                if found is not None and not found.is_alive:
                    lines = containers.last_lines(world, found.name)
                    changes |= Changes(puts={lines_key(before.id): "\n".join(lines)})
                if world.store.commit(changes):
                    if not after.state.holds:
                        folders.release(world, version)
                    came_up = before.state is State.PENDING and after.state is State.RUNNING
                    return [f"{name} {'runs now' if came_up else sentence(after)}"]
    except (Busy, NotFound):
        pass
    return []


def sentence(after: ReplicaSet) -> str:
    """Return what happened to a set, in words."""
    ending = after.ending
    if after.state is State.GONE:
        return "is gone: its container was removed past the service"
    if after.state is State.PAUSED:
        return "was paused past the service"
    if after.state is State.PENDING:
        return f"waits for the engine: {after.waiting}"
    if after.state is State.RUNNING or ending is None:
        return "was started or continued past the service"
    again = f"; it is started again at {ending.start}" if after.state is State.RESTARTING else ""
    return f"ended {describe(ending)}{again}"


def describe(ending: Ending) -> str:
    """Return how a container ended: `with code 1`, `with code 137 (SIGKILL)`."""
    code = "with an unknown code" if ending.code is None else f"with code {ending.code}"
    return f"{code} ({ending.reason})" if ending.reason else code


def reason_of(container: Container) -> str:
    """Return why a container ended, as far as its exit code shows."""
    if container.reason:
        return container.reason
    if container.out_of_memory:
        return "out of memory"
    try:
        return signal.Signals(container.exit_code - 128).name if container.exit_code > 128 else ""
    except ValueError:
        return ""


def later(world: World, seconds: float) -> str:
    """Return the time after so many seconds, as ISO 8601."""
    return (datetime.fromisoformat(world.now()) + timedelta(seconds=seconds)).isoformat()


def delay(world: World, restarts: int) -> float:
    """Return how long to wait before a set is started again for the n-th time, from 0."""
    return min(world.settings.backoff_seconds * float(1 << min(restarts, 20)), LONGEST_DELAY)


def _state(each: ReplicaSet, found: Container | None) -> State:
    """Return the state that a set with that container is in."""
    if found is None:
        return State.GONE
    if each.state is State.PENDING and found.state == "running":
        return State.RUNNING
    if found.is_pending and each.state in (State.RUNNING, State.PENDING, State.RESTARTING):
        return State.PENDING
    if each.state in (State.RUNNING, State.PAUSED) and found.is_alive:
        return State.PAUSED if found.state == "paused" else State.RUNNING
    if each.state is State.RESTARTING and found.is_alive:
        return State.RUNNING
    if found.state not in _DEAD:
        return each.state
    if each.state is State.PAUSED and each.ending is not None:
        return State.PAUSED  # the machine was rebooted: its resources and its disk are kept
    were_up = (State.RUNNING, State.PENDING, State.PAUSED, State.GONE)
    return State.EXITED if each.state in were_up else each.state


def _waiting(each: ReplicaSet, found: Container | None) -> str:
    """Return why a set with that container is pending, "" when it is not."""
    return found.reason if found is not None and _state(each, found) is State.PENDING else ""


def _after(world: World, before: ReplicaSet, version: Version, found: Container | None) -> ReplicaSet:
    """Return the set as it is now; one that is to be started again is `restarting`."""
    state, last = _state(before, found), before.ending
    before = replace(before, waiting=_waiting(before, found))
    if state is State.GONE:
        return replace(before, state=state, ending=last or Ending(world.now(), reason="its container was removed"))
    if state is not State.EXITED or found is None:
        return replace(before, state=state)
    code = found.exit_code if found.started else None
    ending = Ending(world.now(), code, reason_of(found))
    again = version.restart == "always" or (version.restart == "on-failure" and code != 0)
    if before.state not in (State.RUNNING, State.PENDING) or not again:
        return replace(before, state=state, ending=ending)
    ran_well = last is None or not last.start or later(world, -WELL_SECONDS) > last.start
    restarts = 0 if ran_well or last is None else last.restarts
    ending = replace(ending, restarts=restarts + 1, start=later(world, delay(world, restarts)))
    return replace(before, state=State.RESTARTING, ending=ending)
