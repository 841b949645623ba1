"""A store that counts what is committed through it: readers know whether anything changed without reading."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence

from workbench.replicasets.stores.protocol import Changes, StateEntry, StateStore


class WatchedStore:
    """See StateStore. `count` is another number after each commit, and `subscribe` has a function called then."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self.count = 0

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each commit, in the thread of that; return what ends it."""
        self._callbacks = (*self._callbacks, callback)

        def end() -> None:
            self._callbacks = tuple(each for each in self._callbacks if each is not callback)

        return end

    def get(self, key: str) -> StateEntry | None:
        """See StateStore."""
        return self._store.get(key)

    def list(self, prefix: str, *, start: str = "", before: str = "") -> builtins.list[tuple[str, StateEntry]]:
        """See StateStore."""
        return self._store.list(prefix, start=start, before=before)

    def get_many(self, keys: Sequence[str]) -> dict[str, StateEntry]:
        """See StateStore."""
        return self._store.get_many(keys)

    def revision(self) -> str:
        """See StateStore."""
        return self._store.revision()

    def commit(self, changes: Changes) -> bool:
        """See StateStore."""
        try:
            return self._store.commit(changes)
        finally:
            # After an error too: whether it was made is open. Two threads may count as one: any other number will do.
            self.count += 1
            for callback in self._callbacks:
                callback()

    def close(self) -> None:
        """See StateStore."""
        self._store.close()
