"""Publishing what a prefix holds: into a folder that other nodes fill themselves from, a mirror.

The list is written last of all: it is there only when all that it names is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import is_recorded, place_of, read_marker
from workbench.monobase.layout import GenerationFolder
from workbench.monobase.leases import take
from workbench.monobase.mirror_folder import MirrorFolder, mirror_folder, zipped
from workbench.monobase.packs import Pack, PublishedList, PublishedRecord, list_path, packs_of, record_path
from workbench.monobase.prefix import Prefix, reporting_full_disk
from workbench.monobase.store import FileStore
from workbench.monobase.wheels import Wheels

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What was published: the digest of the list, what it fills, how many packages; files and bytes that are new."""

    digest: str
    generations: tuple[str, ...]
    packages: int
    files: int
    bytes: int


def publish(
    prefix: Prefix,
    target: str,
    is_wanted: Callable[[GenerationFolder], bool],
    *,
    jobs: int = 1,
    check: bool = False,
    log: Callable[[str], None] = lambda _: None,
) -> PublishReport:
    """Put all packages of the generations that are finished and wanted, and of the cogs, into the folder `target`.

    What is there already stays; with `check` it is compared, and written again where it differs. `log` gets why it
    waits. Raises WorkbenchError when nothing is finished, when something of it is damaged, and when `target` cannot be
    written.
    """
    with ExitStack() as ending:
        folders = _finished(prefix, is_wanted)
        for folder in folders:
            # It is not pruned meanwhile. That needs no right to write.
            ending.callback(os.close, take(prefix, folder.name, folder.path))
        with mirror_folder(target, check=check, log=log) as mirror, reporting_full_disk(target):
            return _Publisher(prefix, mirror, jobs).publish(folders)


def _finished(prefix: Prefix, is_wanted: Callable[[GenerationFolder], bool]) -> list[GenerationFolder]:
    """Return the generations that are wanted and finished, and the cogs that models get."""
    found = [one for one in layout.generations(prefix) if is_wanted(one) and layout.read_done(one.path) is not None]
    if not found:
        hint = f"`{here('monobase status')}` lists what there is"
        raise WorkbenchError("no generation in that range is finished here", where=prefix.generations, hint=hint)
    latest = layout.latest_name(prefix.below(layout.COG, "latest"))
    return [*found, *(one for one in layout.cog_generations(prefix) if os.path.basename(one.path) == latest)]


class _Publisher:
    def __init__(self, prefix: Prefix, mirror: MirrorFolder, jobs: int) -> None:
        self._store, self._wheels = FileStore(prefix), Wheels(prefix)
        self._mirror, self._jobs = mirror, jobs

    def publish(self, folders: Sequence[GenerationFolder]) -> PublishReport:
        keys: dict[str, None] = {}
        locks: dict[str, str] = {}
        generations: dict[str, str] = {}
        for folder in folders:
            done = layout.read_done(folder.path)
            if done is not None and layout.is_generation(folder.name):
                generations[folder.name] = done.digest
            for name, digest in done.environments.items() if done else ():
                path = os.path.join(folder.path, name)
                marker = read_marker(path)
                if marker is None or marker.digest != digest or not is_recorded(marker, self._wheels):
                    raise _damaged(path)
                keys.update(dict.fromkeys(marker.wheels))
                if folder.name not in generations:
                    locks[place_of(path)] = marker.lock
        with ThreadPoolExecutor(self._jobs) as threads:
            try:
                records = dict(zip(keys, threads.map(self._record, keys), strict=True))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        cogs = {place: (entry, self._pack({entry}).sizes[entry]) for place, entry in locks.items()}
        text = PublishedList(records, cogs, generations).text().encode()
        digest = hashlib.sha256(text).hexdigest()
        self._mirror.write(list_path(digest), [text])
        return PublishReport(digest, tuple(generations), len(records), self._mirror.files, self._mirror.bytes)

    def _record(self, key: str) -> str:
        """Publish the files of a package, then its record; return the record's sha256."""
        wheel = self._wheels.get(key)
        if wheel is None:
            raise _damaged(self._wheels.path(key))
        packs = packs_of(wheel.files, self._sizes(wheel.files.values()))
        for pack in packs:
            self._mirror.write(pack.path, zipped(self._contents(pack)))
        text = PublishedRecord(wheel.files, packs).text().encode()
        digest = hashlib.sha256(text).hexdigest()
        self._mirror.write(record_path(digest), zipped([text]))
        return digest

    def _pack(self, entries: Iterable[str]) -> Pack:
        """Publish stored files in one pack."""
        pack = Pack(self._sizes(entries))
        self._mirror.write(pack.path, zipped(self._contents(pack)))
        return pack

    def _sizes(self, entries: Iterable[str]) -> dict[str, int]:
        sizes = {}
        for entry in entries:
            path = self._store.path(entry)
            if not self._store.is_whole(entry):
                raise _damaged(path)
            sizes[entry] = os.path.getsize(path)
        return sizes

    def _contents(self, pack: Pack) -> Iterator[bytes]:
        """Yield what is in the files of a pack; raises WorkbenchError when one is not what it was."""
        for entry, size in pack.sizes.items():
            found, count = hashlib.sha256(), 0
            for part in _parts(self._store.path(entry)):
                found.update(part)
                count += len(part)
                yield part
            if count != size or found.hexdigest() != entry.removesuffix("-x"):
                raise _damaged(self._store.path(entry))


def _parts(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            while part := file.read(_CHUNK):
                yield part
    except OSError:
        raise _damaged(path) from None


def _damaged(where: str) -> WorkbenchError:
    hint = f"`{here('monobase repair')}` repairs it"
    return WorkbenchError("it is damaged, and nothing damaged is published", where=where, hint=hint)
