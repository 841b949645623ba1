"""The progress of the operations that are under way on sets, read from their journals."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.replicasets import checks
from workbench.replicasets.codec import decode
from workbench.replicasets.records import JOURNAL, find_set, set_journal
from workbench.replicasets.saga import SAGAS, Journal
from workbench.replicasets.world import World


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


def progress(world: World, name: str) -> Progress | None:
    """See ReplicaSets.progress."""
    entry = world.store.get(set_journal(checks.set_name(name)))
    if entry is None:
        find_set(world.store, name)
        return None
    return _read(entry.value)


def under_way(world: World) -> dict[str, Progress]:
    """See ReplicaSets.under_way."""
    return {key.rpartition("/")[2]: _read(entry.value) for key, entry in world.store.list(f"{JOURNAL}set/")}


def _read(text: str) -> Progress:
    journal = decode(Journal, text)
    steps = tuple(step.name for step in SAGAS[journal.operation].steps)
    return Progress(journal.operation, steps, journal.step + 1)
