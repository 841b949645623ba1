"""Sets, versions, what is being done to them, and the resources of the machine that they hold."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.replicasets import checks, claims, containers
from workbench.replicasets.codec import decode
from workbench.replicasets.engines.capabilities import RunningElsewhere, StartingAfresh, lacking
from workbench.replicasets.observe import differs, observe_set
from workbench.replicasets.operations.volume_usage import volumes_used
from workbench.replicasets.records import (
    JOURNAL,
    SETS,
    find_set,
    find_version,
    lines_key,
    read,
    read_all,
    set_journal,
    set_key,
    version_key,
    versions_key,
)
from workbench.replicasets.rights import look_for_set
from workbench.replicasets.saga import SAGAS, Journal
from workbench.replicasets.values import SYSTEM, Caller, Claim, Quota, ReplicaSet, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class Info:
    """A set and its current version; `live` is the state of its container ("gone": it does not exist).

    `lines` is what it wrote last before it ended by itself.
    """

    set: ReplicaSet
    version: Version
    live: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """What the machine has, and which claims there are on it. CPUs are thousandths, memory bytes.

    Where sets run on other machines there are no ports of ours, and CPUs and memory are 0: the engine knows them.
    """

    gpus: tuple[str, ...]
    first_port: int
    last_port: int
    cpus: int
    cpus_used: int
    memory: int
    memory_used: int
    claims: tuple[Claim, ...]

    def of(self, kind: str) -> dict[str, Claim]:
        """Return the claims of a kind (gpu, port) by name; a port's name is `40000-tcp`."""
        return {claim.name: claim for claim in self.claims if claim.kind == kind}


@dataclass(frozen=True, slots=True)
class EngineNotes:
    """How the engine differs: what it `cannot` do and why ("": it does not say), what versions lack of the one before.

    `afresh` is "" where a version has the system disk of the one before.
    """

    cannot: dict[str, str]
    afresh: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """An operation that is under way: the names of its steps, and the number of the one it is at, from 1."""

    operation: str
    steps: tuple[str, ...]
    at: int

    @property
    def step(self) -> str:
        """The name of the step it is at."""
        return self.steps[self.at - 1]


def sets(world: World) -> list[ReplicaSet]:
    """See ReplicaSets.sets."""
    return read_all(world.store, ReplicaSet, SETS)


def info(world: World, name: str, caller: Caller) -> Info:
    """See ReplicaSets.info."""
    found = find_set(world.store, checks.set_name(name), caller)
    version = find_version(world.store, found, found.current)
    standing = containers.look_up(world, version)
    if differs(found, standing) and observe_set(world, name):
        found = find_set(world.store, name)
    lines = tuple(last_lines(world, name))
    return Info(found, version, standing.state if standing else "gone", lines)


def last_lines(world: World, name: str) -> list[str]:
    """See ReplicaSets.last_lines."""
    found = find_set(world.store, checks.set_name(name))
    entry = world.store.get(lines_key(found.id))
    return entry.value.splitlines() if entry is not None and found.ending is not None else []


def record(world: World, name: str, caller: Caller = SYSTEM) -> tuple[ReplicaSet, Version]:
    """See ReplicaSets.record."""
    found = find_set(world.store, checks.set_name(name), caller)
    return found, find_version(world.store, found, found.current)


def waiting(world: World, name: str) -> str:
    """See ReplicaSets.waiting."""
    found = read(world.store, ReplicaSet, set_key(name))
    return found.waiting if found is not None else ""


def history(world: World, name: str, limit: int, before: int, caller: Caller) -> list[Version]:
    """See ReplicaSets.history."""
    found = find_set(world.store, checks.set_name(name), caller)
    # The newest ones are found without looking at those before them; further down only where pruning left gaps.
    end = min(before, found.current + 1) if before > 0 else found.current + 1
    first = max(end - limit, 0) if limit > 0 else 0
    while True:
        keys = version_key(found.id, first) if first else "", version_key(found.id, end)
        versions = read_all(world.store, Version, versions_key(found.id), *keys)[::-1]
        if not first or len(versions) >= limit:
            return versions[:limit] if limit > 0 else versions
        first = max(end - 2 * (end - first), 0)


def used(world: World, owner: str) -> Quota:
    """See ReplicaSets.used."""
    own = [each for each in claims.read_ledger(world.store).claims if each.owner == owner]
    count, disk = volumes_used(world.store, owner)
    sets, gpus = (sum(each.kind == kind for each in own) for kind in ("set", "gpu"))
    return Quota(sets, gpus, claims.used(own)[1], count, disk)


def engine_notes(world: World) -> EngineNotes:
    """See ReplicaSets.engine_notes."""
    afresh = world.engine.capability(StartingAfresh)
    return EngineNotes(lacking(world.engine), afresh.afresh if afresh is not None else "")


def resources(world: World) -> Resources:
    """See ReplicaSets.resources."""
    ledger = claims.read_ledger(world.store)
    cpus, memory = claims.used(ledger.claims)
    settings = world.settings
    gpus = tuple(gpu.id for gpu in world.gpus())
    if world.engine.capability(RunningElsewhere) is not None:
        return Resources(gpus, 1, 0, 0, cpus, 0, memory, ledger.claims)
    return Resources(
        gpus, settings.first_port, settings.last_port, settings.cpus, cpus, settings.memory, memory, ledger.claims
    )


def progress(world: World, name: str, caller: Caller) -> Progress | None:
    """See ReplicaSets.progress."""
    look_for_set(world.store, name, caller)
    entry = world.store.get(set_journal(checks.set_name(name)))
    if entry is None:
        find_set(world.store, name)
        return None
    return progress_of(entry.value)


def under_way(world: World) -> dict[str, Progress]:
    """See ReplicaSets.under_way."""
    return {key.rpartition("/")[2]: progress_of(entry.value) for key, entry in world.store.list(f"{JOURNAL}set/")}


def progress_of(text: str) -> Progress:
    """Return what an entry of the journal is about; raises ValueError, TypeError or KeyError."""
    journal = decode(Journal, text)
    steps = tuple(step.name for step in SAGAS[journal.operation].steps)
    return Progress(journal.operation, steps, journal.step + 1)
