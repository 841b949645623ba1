"""What a store is, whoever keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """A value and its revision: a number above 0 that is another one after each write of the key."""

    value: str
    revision: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that are made together or not at all.

    `checks` maps keys to the revision that each must have (0: it must not be there); `puts` are
    written, `deletes` and everything below the prefixes `drops` removed.
    """

    checks: Mapping[str, int] = field(default_factory=dict)
    puts: Mapping[str, str] = field(default_factory=dict)
    deletes: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()

    def __or__(self, other: Changes) -> Changes:
        """Return the changes of both; of two writes of one key the latter's."""
        return Changes(
            {**self.checks, **other.checks},
            {**self.puts, **other.puts},
            (self.deletes | other.deletes) - other.puts.keys(),
            self.drops | other.drops,
        )


class Store(Protocol):
    """A sorted map of keys to texts.

    An implementation owes: `commit` looks at all checks and makes all changes as one step that no
    other process sees half of, and that has outlived a crash or a power cut when it returns True;
    it returns False, and has changed nothing, when a check does not hold. `list` is one
    consistent look. Whatever keeps it from answering is a StoreError that says what is wrong, in
    bounded time; it is then open whether a commit was made, and the same object goes on working
    as soon as the cause is gone. What cannot be read any more is put aside, never thrown away,
    and an empty store takes its place: the truth is then rebuilt from the engine. Every method
    may be called from any thread.
    """

    def get(self, key: str) -> Entry | None:
        """Return what stands at `key`, None for nothing."""

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, Entry]]:
        """Return all below `prefix` in the order of their keys, from `start` on and before `before` if given."""

    def commit(self, changes: Changes) -> bool:
        """Make the changes, or none of them; return whether the checks held."""

    def close(self) -> None:
        """Let go of files and connections."""
