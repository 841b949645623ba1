"""Comparing every file below a prefix with what was installed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import DONE, LINK, Marker, digest_of, manifest_of, read_marker
from workbench.monobase.prefix import Prefix
from workbench.monobase.store import Store, digest, is_sealed
from workbench.monobase.wheels import Wheels

CHANGED, MISSING, EXTRA, RECORD, MARKER = "changed", "missing", "extra", "record damaged", "marker damaged"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was installed.

    `path` is below the environment, `environment` the environment below the prefix; `entry` is what the
    store has for it, and `inode` which file it is, so that those who share it can be told.
    """

    kind: str
    environment: str
    path: str
    entry: str = ""
    inode: int = 0


@dataclass(slots=True)
class Found:
    """What `verify` found: every fault, the stored files that are not what they were, and how much was read."""

    faults: list[Fault] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    environments: int = 0
    files: int = 0
    inodes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was installed."""
        return not (self.faults or self.spoiled or self.moved)

    def sharing(self, fault: Fault) -> list[str]:
        """Return the environments whose file is the same inode as the one at fault."""
        if not fault.inode:
            return [fault.environment]
        return sorted({other.environment for other in self.faults if other.inode == fault.inode})


class _Inodes:
    """What the inodes of a prefix hold, each read once, whatever the number of its links."""

    def __init__(self, *, quick: bool) -> None:
        self._quick = quick
        self._found: dict[int, str] = {}

    def spoiled(self, path: str, status: os.stat_result, entry: str) -> bool:
        """Return whether the file at `path` is not what was stored as `entry`; `quick`: by its time and mode alone."""
        if not stat.S_ISREG(status.st_mode) or not is_sealed(status, entry):
            return True
        return not self._quick and self._digest(path, status.st_ino) != entry.removesuffix("-x")

    def read_ahead(self, paths: Mapping[int, str], jobs: int) -> None:
        """Read the files of `paths` (by inode), several at once."""
        if not self._quick:
            with ThreadPoolExecutor(jobs) as threads:
                for inode, found in zip(paths, threads.map(_digest_or_none, paths.values()), strict=True):
                    self._found[inode] = found

    def _digest(self, path: str, inode: int) -> str:
        if inode not in self._found:
            self._found[inode] = _digest_or_none(path)
        return self._found[inode]

    def __len__(self) -> int:
        return len(self._found)


def verify(prefix: Prefix, digests: Mapping[str, str] | None = None, *, quick: bool = False, jobs: int = 1) -> Found:
    """Return what is not as it was installed, in all finished environments and the store.

    `digests` are those of the generations as they are described, by name: one that was built from
    another description has moved. `quick` reads no file: it sees what was written to, unless whoever did
    set the time back; without it every inode is read once.
    """
    try:
        return _verify(prefix, digests or {}, quick=quick, jobs=jobs)
    except FileNotFoundError as error:
        raise WorkbenchError(
            "this was removed while it was looked at",
            where=str(error.filename),
            hint="run it again when no builder runs",
        ) from None


def _verify(prefix: Prefix, digests: Mapping[str, str], *, quick: bool, jobs: int) -> Found:
    found, store, wheels, inodes = Found(), Store(prefix), Wheels(prefix), _Inodes(quick=quick)
    work = []
    for place in layout.places(prefix):
        done = layout.read_done(place.folder)
        named = digests.get(place.name)
        if done is not None and named is not None and done.digest != named:
            found.moved.append((place.name, f"was built as {done.digest}, and is {named} now"))
        folders = place.environments()
        gone = set(done.environments if done else ()) - {os.path.basename(folder) for folder in folders}
        found.faults += [
            Fault(MARKER, os.path.relpath(f"{place.folder}/{name}", prefix.root), DONE) for name in sorted(gone)
        ]
        for folder in folders:
            work += _look(prefix, folder, done, wheels, found)
    first: dict[int, str] = {}
    for _, path, status, entry in work:
        if stat.S_ISREG(status.st_mode) and is_sealed(status, entry):
            first.setdefault(status.st_ino, path)
    stored = []
    for entry in store.entries():
        path = store.path(entry)
        status = os.lstat(path)
        stored.append((entry, path, status))
        if is_sealed(status, entry):
            first.setdefault(status.st_ino, path)
    inodes.read_ahead(first, jobs)
    for environment, path, status, entry in work:
        if inodes.spoiled(path, status, entry):
            within = os.path.relpath(path, prefix.below(environment))
            found.faults.append(Fault(CHANGED, environment, within, entry, status.st_ino))
    found.spoiled = [entry for entry, path, status in stored if inodes.spoiled(path, status, entry)]
    found.files = len(work)
    found.inodes = len(first)
    return found


def _look(
    prefix: Prefix, folder: str, done: layout.GenerationMarker | None, wheels: Wheels, found: Found
) -> list[tuple[str, str, os.stat_result, str]]:
    """Add what is wrong by its name alone to `found`, and return the files whose contents are to be seen."""
    environment = os.path.relpath(folder, prefix.root)
    marker = read_marker(folder)
    promised = done.environments.get(os.path.basename(folder)) if done else None
    if marker is None:
        if promised is not None:
            found.faults.append(Fault(MARKER, environment, DONE))
        return []  # never finished: a build makes it anew
    found.environments += 1
    damaged = damaged_records(marker, wheels)
    found.faults += [Fault(RECORD, environment, os.path.basename(path)) for path in damaged]
    try:
        manifest = manifest_of(wheels, marker.wheels, marker.frame)
    except WorkbenchError:
        return []
    if not damaged and (digest_of(manifest) != marker.digest or promised not in (None, marker.digest)):
        found.faults.append(Fault(MARKER, environment, DONE))
    there = dict(files_below(folder))
    there.pop(DONE, None)
    found.faults += [Fault(EXTRA, environment, path) for path in sorted(there.keys() - manifest.keys())]
    found.faults += [
        Fault(MISSING, environment, path, manifest[path]) for path in sorted(manifest.keys() - there.keys())
    ]
    work = []
    for path in sorted(manifest.keys() & there.keys()):
        entry, whole = manifest[path], os.path.join(folder, path)
        if not entry.startswith(LINK):
            work.append((environment, whole, there[path], entry))
        elif not os.path.islink(whole) or os.readlink(whole) != entry.removeprefix(LINK):
            found.faults.append(Fault(CHANGED, environment, path, entry))
    return work


def damaged_records(marker: Marker, wheels: Wheels) -> list[str]:
    """Return the records of packages of an environment that are not what they were when it was made."""
    return [wheels.path(key) for key, held in marker.wheels.items() if _digest_or_none(wheels.path(key)) != held]


def files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file and link below `folder` by its path there; empty folders do not count."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                else:
                    yield path, entry.stat(follow_symlinks=False)


def _digest_or_none(path: str) -> str:
    try:
        return digest(path)
    except OSError:
        return ""
