"""What every store of replica sets does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class StateEntry(NamedTuple):
    """A value and its revision: a number above 0 that changes with each write of the key."""

    value: str
    revision: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that are made together or not at all.

    `checks` maps keys to the revision that each must have (0: it must not exist); `puts` are
    written, `deletes` and everything below the prefixes `drops` removed.
    """

    checks: Mapping[str, int] = field(default_factory=dict)
    puts: Mapping[str, str] = field(default_factory=dict)
    deletes: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()

    def __or__(self, other: Changes) -> Changes:
        """Return the changes of both; of two writes of one key that of `other`."""
        return Changes(
            {**self.checks, **other.checks},
            {**self.puts, **other.puts},
            (self.deletes | other.deletes) - other.puts.keys(),
            self.drops | other.drops,
        )


class StateStore(Protocol):
    """A sorted map of keys to texts.

    An implementation owes: `commit` makes all checks and all changes as one step, of which no other
    process sees a part and which is durable when it returns True; it returns False, and has changed
    nothing, when a check fails. `list` is one consistent view. When it cannot answer it raises
    StoreError with the reason, within bounded time; whether a commit was made is then open, and the
    same object works again as soon as the cause is gone. Data that can no longer be read is moved
    aside, never deleted, and an empty store takes its place: it is then filled from the engine.
    Every method may be called from any thread.
    """

    def get(self, key: str) -> StateEntry | None:
        """Return the entry at `key`, None for none."""

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, StateEntry]]:
        """Return all below `prefix` in the order of their keys, from `start` on and before `before` if given."""

    def get_many(self, keys: Sequence[str]) -> dict[str, StateEntry]:
        """Return the entries at those of `keys` that exist; another process may write between two of them."""

    def revision(self) -> str:
        """Return what is another text after each commit that changed something, whichever process made it."""

    def commit(self, changes: Changes) -> bool:
        """Make all changes or none; return whether all checks passed."""

    def close(self) -> None:
        """Close files and connections."""
