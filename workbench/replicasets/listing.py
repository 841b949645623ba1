"""All sets and volumes as they are recorded, kept in memory: what did not change is neither read nor decoded again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from workbench.replicasets.codec import decode
from workbench.replicasets.operations.info import Progress, progress_of
from workbench.replicasets.records import JOURNAL, SETS, VOLUMES, version_key
from workbench.replicasets.stores.protocol import StateEntry
from workbench.replicasets.stores.watched import WatchedStore
from workbench.replicasets.values import ReplicaSet, Version, Volume

T = TypeVar("T")
# How long what other processes write may go unseen. What this one writes is seen at once.
FOREIGN_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class SetRow:
    """A set, its current version, what is being done to it, and what could not be done for it ("" for nothing).

    An equal row of a later listing is the same object.

    `rendered` is for whoever shows it: what was made of it once.
    """

    set: ReplicaSet
    version: Version
    doing: Progress | None
    problem: str = ""
    rendered: dict[bool, bytes] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.set.owner


@dataclass(frozen=True, slots=True, eq=False)
class VolumeRow:
    """A volume; see SetRow."""

    volume: Volume
    rendered: dict[bool, bytes] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.volume.owner


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """All sets and volumes by name, in order. While nothing changes it is the same object. `rendered`: see SetRow."""

    sets: Mapping[str, SetRow]
    volumes: Mapping[str, VolumeRow]
    rendered: dict[object, tuple[str, bytes]] = field(default_factory=dict)


class _Decoded(Generic[T]):
    """What texts of the store stand for, by key: decoded again only when the revision is another one."""

    def __init__(self, read: Callable[[str], T]) -> None:
        self._read = read
        self._known: dict[str, tuple[int, T]] = {}

    def __call__(self, entries: Mapping[str, StateEntry]) -> dict[str, T]:
        """Return the values of `entries`, without what is no such thing: reconciling reports that."""
        found: dict[str, tuple[int, T]] = {}
        for key, entry in entries.items():
            known = self._known.get(key)
            if known is not None and known[0] == entry.revision:
                found[key] = known
                continue
            try:
                found[key] = (entry.revision, self._read(entry.value))
            except (ValueError, TypeError, KeyError):
                continue
        self._known = found
        return {key: value for key, (_, value) in found.items()}


class Listings:
    """Reads listings of a store, for any number of threads."""

    def __init__(self, store: WatchedStore, problems: Callable[[], Mapping[str, str]]) -> None:
        self.store = store
        # By set. They are of the last reconcile and not in the store.
        self._problems = problems
        self._known_problems: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._sets = _Decoded(lambda text: decode(ReplicaSet, text))
        self._versions = _Decoded(lambda text: decode(Version, text))
        self._doing = _Decoded(progress_of)
        self._volumes = _Decoded(lambda text: decode(Volume, text))
        self._listing: Listing | None = None
        self._revision, self._count, self._checked = "", -1, 0.0

    def fresh(self) -> Listing | None:
        """Return the listing if it is known to be up to date without reading anything; else None."""
        is_fresh = self._count == self.store.count and time.monotonic() - self._checked < FOREIGN_SECONDS
        is_fresh = is_fresh and self._problems() == self._known_problems
        return self._listing if is_fresh else None

    def read(self) -> Listing:
        """Return the listing as of now; raises StoreError."""
        with self._lock:
            listing = self.fresh()
            if listing is not None:
                return listing
            # Before reading: what is committed meanwhile is read the next time.
            count, now, revision = self.store.count, time.monotonic(), self.store.revision()
            problems = self._problems()
            if self._listing is None or revision != self._revision or problems != self._known_problems:
                self._listing = self._updated(self._listing, problems)
            self._known_problems = problems
            self._revision, self._count, self._checked = revision, count, now
            return self._listing

    def _updated(self, before: Listing | None, problems: Mapping[str, str]) -> Listing:
        known = self._sets(dict(self.store.list(SETS)))
        versions = self._versions(self.store.get_many([version_key(each.id, each.current) for each in known.values()]))
        doing = {key.rpartition("/")[2]: each for key, each in self._doing(dict(self.store.list(_JOURNAL))).items()}
        old = before or Listing({}, {})
        sets: dict[str, SetRow] = {}
        for each in known.values():
            version = versions.get(version_key(each.id, each.current))
            if version is None:
                continue  # it was deleted in between
            row, now = old.sets.get(each.name), (each, version, doing.get(each.name))
            problem = problems.get(each.name, "")
            is_same = (
                row is not None
                and row.problem == problem
                and all(a is b for a, b in zip((row.set, row.version, row.doing), now, strict=True))
            )
            sets[each.name] = row if row is not None and is_same else SetRow(*now, problem)
        volumes: dict[str, VolumeRow] = {}
        for volume in self._volumes(dict(self.store.list(VOLUMES))).values():
            volume_row = old.volumes.get(volume.name)
            same = volume_row is not None and volume_row.volume is volume
            volumes[volume.name] = volume_row if volume_row is not None and same else VolumeRow(volume)
        unchanged = before is not None and _same(before.sets, sets) and _same(before.volumes, volumes)
        return before if before is not None and unchanged else Listing(sets, volumes)


_JOURNAL = f"{JOURNAL}set/"


def _same(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    return len(a) == len(b) and all(b.get(name) is row for name, row in a.items())
