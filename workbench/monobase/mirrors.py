"""Filling from mirrors: packages whose files another node has published, before an index is queried for them.

Whatever is wrong with a mirror, it costs time and nothing else: the next mirror is tried, then the index.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from workbench.monobase.interpreters import Interpreter
from workbench.monobase.mirror import Mirror, MirrorAddress
from workbench.monobase.packs import Pack
from workbench.monobase.prefix import Prefix
from workbench.monobase.requirements import LockedPackage
from workbench.monobase.sources import MirrorError
from workbench.monobase.store import FileStore
from workbench.monobase.wheels import Wheel, Wheels

# Packages that are fetched at once: one connection does not fill a line.
_AT_ONCE = 8


@dataclass(slots=True)
class MirrorUse:
    """What was taken from a mirror: packages, and bytes as they were sent; and why some were not."""

    location: str
    packages: int = 0
    bytes: int = 0
    faults: list[str] = field(default_factory=list)


class Mirrors:
    """The mirrors of a build, in the order in which they are tried; `log` gets what is wrong with one."""

    def __init__(self, addresses: Sequence[MirrorAddress] = (), log: Callable[[str], None] = lambda _: None) -> None:
        self._mirrors = [(Mirror(address), MirrorUse(address.location)) for address in addresses]
        self._log = log
        self._lock = threading.Lock()

    def uses(self) -> list[MirrorUse]:
        """Return what was taken from each so far."""
        for mirror, use in self._mirrors:
            use.bytes = mirror.fetched
        return [use for _, use in self._mirrors]

    def take(
        self,
        prefix: Prefix,
        store: FileStore,
        wheels: Wheels,
        interpreter: Interpreter,
        options: tuple[str, ...],
        packages: Sequence[LockedPackage],
    ) -> list[LockedPackage]:
        """Store and record those of `packages` that a mirror has, for that Python; return the others.

        The caller holds the prefix's lock. Raises OSError when the prefix's disk refuses.
        """
        if not self._mirrors or not packages:
            return list(packages)

        def one(locked: LockedPackage) -> bool:
            return self._one(prefix, store, wheels, Wheel.of(locked, options, interpreter, {}))

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            try:
                taken = list(threads.map(one, packages))
            except BaseException:
                # Whoever interrupts it waits for what has begun, and for nothing else.
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return [locked for locked, is_taken in zip(packages, taken, strict=True) if not is_taken]

    def restore(self, prefix: Prefix, store: FileStore, key: str, entries: Iterable[str]) -> set[str]:
        """Fetch the files `entries` of the package with the record `key`; return those that the store has then.

        The caller has dropped what the store had of them, and holds the prefix's lock.
        """
        wanted = set(entries)
        for mirror, use in self._mirrors:
            try:
                digest = mirror.list().records.get(key)
                for pack in mirror.record(digest).packs if digest else ():
                    if wanted & pack.sizes.keys():
                        mirror.fetch(pack, prefix, store)
            except MirrorError as error:
                self._report(use, error)
        return {entry for entry in wanted if store.is_whole(entry)}

    def cog_lock(self, prefix: Prefix, store: FileStore, place: str) -> str:
        """Return the entry of the lock of the cog at `place` once it is in the store; "" when no mirror has it."""
        for mirror, use in self._mirrors:
            try:
                found = mirror.list().cogs.get(place)
                if found is not None:
                    entry, size = found
                    mirror.fetch(Pack({entry: size}), prefix, store)
                    return entry
            except MirrorError as error:
                self._report(use, error)
        return ""

    def _one(self, prefix: Prefix, store: FileStore, wheels: Wheels, wheel: Wheel) -> bool:
        for mirror, use in self._mirrors:
            try:
                digest = mirror.list().records.get(wheel.key)
                if digest is None:
                    continue
                record = mirror.record(digest)
                for pack in record.packs:
                    mirror.fetch(pack, prefix, store)
            except MirrorError as error:
                self._report(use, error)
                continue
            # Only the files are the mirror's: what the package is, and where to look for it, is in our lock.
            wheels.add(wheel.key, Wheel(wheel.locked, wheel.options, wheel.kind, wheel.version, record.files))
            with self._lock:
                use.packages += 1
            return True
        return False

    def _report(self, use: MirrorUse, error: MirrorError) -> None:
        with self._lock:
            if error.message in use.faults:
                return
            use.faults.append(error.message)
        self._log(f"mirror {use.location}: {error.message}")
