"""The store in a file of its own: SQLite with a write-ahead log."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workbench.replicasets.errors import StoreError
from workbench.replicasets.stores.protocol import Changes, StateEntry

_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (only INTEGER PRIMARY KEY CHECK (only = 1), revision INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
"""
_BROKEN = ("malformed", "not a database", "corrupt")
_WAIT_SECONDS = 10.0
# How many keys one statement names: SQLite before 3.32 takes 999.
_KEYS = 900
# Greater than any character of a key.
_AFTER = "\U0010ffff"


class SqliteStore:
    """A store in the file `path`, which is created with its folder when it does not exist."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

    def get(self, key: str) -> StateEntry | None:
        """Return the entry at `key`, None for none."""
        with self._using() as sql:
            row = sql.execute("SELECT value, revision FROM entries WHERE key = ?", (key,)).fetchone()
        return StateEntry(*row) if row else None

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, StateEntry]]:
        """Return all below `prefix` in order; see StateStore."""
        with self._using() as sql:
            rows = sql.execute(
                "SELECT key, value, revision FROM entries WHERE key >= ? AND key < ? ORDER BY key",
                (start or prefix, before or prefix + _AFTER),
            ).fetchall()
        return [(key, StateEntry(value, revision)) for key, value, revision in rows]

    def get_many(self, keys: Sequence[str]) -> dict[str, StateEntry]:
        """Return the entries at those of `keys` that exist."""
        found: dict[str, StateEntry] = {}
        with self._using() as sql:
            for at in range(0, len(keys), _KEYS):
                some = keys[at : at + _KEYS]
                marks = ",".join("?" * len(some))
                rows = sql.execute(f"SELECT key, value, revision FROM entries WHERE key IN ({marks})", some)  # noqa: S608
                found |= {key: StateEntry(value, revision) for key, value, revision in rows}
        return found

    def revision(self) -> str:
        """Return what is another text after each commit; see StateStore. Another file has other ones."""
        with self._using() as sql:
            (revision,) = sql.execute("SELECT revision FROM clock").fetchone()
            return f"{self._file[0]}:{self._file[1]}:{revision}"

    def commit(self, changes: Changes) -> bool:
        """Make all changes or none; return whether all checks passed."""
        with self._using() as sql:
            # The write lock at once: a reader that becomes a writer may be refused half-way.
            sql.execute("BEGIN IMMEDIATE")
            try:
                done = self._apply(sql, changes)
                sql.execute("COMMIT" if done else "ROLLBACK")
            except BaseException:
                if sql.in_transaction:
                    sql.execute("ROLLBACK")
                raise
        return done

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _apply(self, sql: sqlite3.Connection, changes: Changes) -> bool:
        for key, expected in changes.checks.items():
            row = sql.execute("SELECT revision FROM entries WHERE key = ?", (key,)).fetchone()
            if (row[0] if row else 0) != expected:
                return False
        sql.execute("UPDATE clock SET revision = revision + 1")
        (revision,) = sql.execute("SELECT revision FROM clock").fetchone()
        for prefix in changes.drops:
            sql.execute("DELETE FROM entries WHERE key >= ? AND key < ?", (prefix, prefix + _AFTER))
        sql.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in changes.deletes])
        sql.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
            [(key, value, revision) for key, value in changes.puts.items()],
        )
        return True

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to the file as it is now; its errors become StoreErrors."""
        with self._lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                raise self._translated(error) from None
            except OSError as error:
                raise StoreError(f"the store cannot be used: {error.strerror}", where=self.path) from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            # A file that was deleted or replaced meanwhile would still take writes, which would be lost.
            if self._file == self._identity():
                return self._connection
            self.close()
        os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
        if not os.path.exists(self.path):
            # A log without its file belongs to a store that is gone; SQLite would apply it to this one.
            for rest in ("-wal", "-shm"):
                if os.path.exists(self.path + rest):
                    os.rename(self.path + rest, f"{self.path}.lost-{time.time_ns()}{rest}")
        sql = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            os.chmod(self.path, 0o600)
            sql.execute("PRAGMA journal_mode = WAL")
            # Every commit is on the disk when it returns: a reservation must outlive a power cut.
            sql.execute("PRAGMA synchronous = FULL")
            sql.executescript(_TABLE)
            (verdict,) = sql.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {verdict}")
        except BaseException:
            sql.close()
            raise
        self._connection, self._file = sql, self._identity()
        return sql

    def _identity(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return (-1, -1)
        return (status.st_dev, status.st_ino)

    def _translated(self, error: sqlite3.Error) -> StoreError:
        text = str(error)
        if any(sign in text for sign in _BROKEN):
            aside = f"{self.path}.broken-{time.time_ns()}"
            self.close()
            for rest in ("", "-wal", "-shm"):
                if os.path.exists(self.path + rest):
                    os.rename(self.path + rest, aside + rest)
            return StoreError(
                f"the store was damaged ({text}); it was moved to {aside}",
                hint="try again: a new store is filled from the engine's labels",
                where=self.path,
            )
        if "full" in text:
            return StoreError(
                "the disk of the store is full; nothing was changed", hint="make room, then try again", where=self.path
            )
        if "locked" in text:
            return StoreError("the store is locked by another process", hint="try again", where=self.path)
        return StoreError(f"the store cannot be used: {text}", where=self.path)
