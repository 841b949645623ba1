"""What is wrong, a set at a time: one that cannot be settled or started holds up nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench.replicasets.errors import Busy, ReplicaSetError, StoreError, Unreadable


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a set, or with what all of them need: `set` is "" then."""

    set: str
    message: str

    def __str__(self) -> str:
        """Return it as a line of the log."""
        return f"{self.set}: {self.message}" if self.set else self.message


@dataclass(slots=True)
class Problems:
    """Collects the problems of one reconcile, each once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, name: str, message: str) -> None:
        """Add a problem of the set `name`, "" for all sets."""
        problem = Problem(name, message)
        if problem not in self.found:
            self.found.append(problem)

    @contextmanager
    def guard(self, name: str, what: str) -> Iterator[None]:
        """Turn an error of the body into a problem: `what` could not be done. A busy set has none.

        Without the store nothing can be done at all: a StoreError is passed on, but for one unreadable record.
        """
        try:
            yield
        except Busy:
            pass
        except ReplicaSetError as error:
            if isinstance(error, StoreError) and not isinstance(error, Unreadable):
                raise
            self.add(name, f"{what}: {error.message}")
