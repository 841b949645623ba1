"""Comparing every file below a prefix with what was installed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import DONE, LINK, EnvironmentMarker, digest_of, manifest_of, read_marker
from workbench.monobase.prefix import Prefix
from workbench.monobase.store import FileStore, digest, is_sealed
from workbench.monobase.wheels import Wheels

CHANGED, MISSING, EXTRA, RECORD, MARKER = "changed", "missing", "extra", "record damaged", "marker damaged"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file, record or marker that is not as it was installed.

    `path` is below the environment, `environment` the environment below the prefix; `entry` is what the
    store has for it, and `inode` which file it is, so that the environments that share it can be named.
    """

    kind: str
    environment: str
    path: str
    entry: str = ""
    inode: int = 0


@dataclass(slots=True)
class VerifyReport:
    """The result of `verify`.

    `damage` are the damaged files, `damaged_entries` those of the store, `changed` the generations that were
    built from another description (name, what changed); then how much was read.
    """

    damage: list[Damage] = field(default_factory=list)
    damaged_entries: list[str] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    environments: int = 0
    files: int = 0
    inodes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was installed."""
        return not (self.damage or self.damaged_entries or self.changed)

    def sharing(self, damage: Damage) -> list[str]:
        """Return the environments whose file is the same inode as the damaged one."""
        if not damage.inode:
            return [damage.environment]
        return sorted({other.environment for other in self.damage if other.inode == damage.inode})


class _Inodes:
    """The digests of a prefix's inodes, each read once, however many links it has."""

    def __init__(self, *, quick: bool) -> None:
        self._quick = quick
        self._digests: dict[int, str] = {}

    def is_damaged(self, path: str, status: os.stat_result, entry: str) -> bool:
        """Return whether the file at `path` is not what was stored as `entry`; `quick`: by its time and mode alone."""
        if not stat.S_ISREG(status.st_mode) or not is_sealed(status, entry):
            return True
        return not self._quick and self._digest(path, status.st_ino) != entry.removesuffix("-x")

    def read_ahead(self, paths: Mapping[int, str], jobs: int) -> None:
        """Read the files of `paths` (by inode), several at once."""
        if not self._quick:
            with ThreadPoolExecutor(jobs) as threads:
                for inode, digest in zip(paths, threads.map(_digest_or_none, paths.values()), strict=True):
                    self._digests[inode] = digest

    def _digest(self, path: str, inode: int) -> str:
        if inode not in self._digests:
            self._digests[inode] = _digest_or_none(path)
        return self._digests[inode]

    def __len__(self) -> int:
        return len(self._digests)


def verify(
    prefix: Prefix, digests: Mapping[str, str] | None = None, *, quick: bool = False, jobs: int = 1
) -> VerifyReport:
    """Return what is not as it was installed, in all finished environments and the store.

    `digests` are those of the generations as they are described, by name: one that was built from
    another description has changed. `quick` reads no file: it detects writes, unless the writer
    set the time back; without it every inode is read once.
    """
    try:
        return _verify(prefix, digests or {}, quick=quick, jobs=jobs)
    except FileNotFoundError as error:
        raise WorkbenchError(
            "it was removed while it was read",
            where=str(error.filename),
            hint="run it again while no builder runs",
        ) from None


def _verify(prefix: Prefix, digests: Mapping[str, str], *, quick: bool, jobs: int) -> VerifyReport:
    report, store, wheels, inodes = VerifyReport(), FileStore(prefix), Wheels(prefix), _Inodes(quick=quick)
    work = []
    for folder in layout.folders(prefix):
        done = layout.read_done(folder.path)
        named = digests.get(folder.name)
        if done is not None and named is not None and done.digest != named:
            report.changed.append((folder.name, f"was built as {done.digest}, and is {named} now"))
        environments = folder.environments()
        gone = set(done.environments if done else ()) - {os.path.basename(environment) for environment in environments}
        report.damage += [
            Damage(MARKER, os.path.relpath(f"{folder.path}/{name}", prefix.root), DONE) for name in sorted(gone)
        ]
        for environment in environments:
            work += _check_names(prefix, environment, done, wheels, report)
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
        if inodes.is_damaged(path, status, entry):
            within = os.path.relpath(path, prefix.below(environment))
            report.damage.append(Damage(CHANGED, environment, within, entry, status.st_ino))
    report.damaged_entries = [entry for entry, path, status in stored if inodes.is_damaged(path, status, entry)]
    report.files = len(work)
    report.inodes = len(first)
    return report


def _check_names(
    prefix: Prefix, folder: str, done: layout.GenerationMarker | None, wheels: Wheels, report: VerifyReport
) -> list[tuple[str, str, os.stat_result, str]]:
    """Add files that are missing, or too many, to `report`, and return the files whose contents are to be read."""
    environment = os.path.relpath(folder, prefix.root)
    marker = read_marker(folder)
    expected = done.environments.get(os.path.basename(folder)) if done else None
    if marker is None:
        if expected is not None:
            report.damage.append(Damage(MARKER, environment, DONE))
        return []  # never finished: a build makes it anew
    report.environments += 1
    damaged = damaged_records(marker, wheels)
    report.damage += [Damage(RECORD, environment, os.path.basename(path)) for path in damaged]
    try:
        manifest = manifest_of(wheels, marker.wheels, marker.frame)
    except WorkbenchError:
        return []
    if not damaged and (digest_of(manifest) != marker.digest or expected not in (None, marker.digest)):
        report.damage.append(Damage(MARKER, environment, DONE))
    present = dict(files_below(folder))
    present.pop(DONE, None)
    report.damage += [Damage(EXTRA, environment, path) for path in sorted(present.keys() - manifest.keys())]
    report.damage += [
        Damage(MISSING, environment, path, manifest[path]) for path in sorted(manifest.keys() - present.keys())
    ]
    work = []
    for path in sorted(manifest.keys() & present.keys()):
        entry, whole = manifest[path], os.path.join(folder, path)
        if not entry.startswith(LINK):
            work.append((environment, whole, present[path], entry))
        elif not os.path.islink(whole) or os.readlink(whole) != entry.removeprefix(LINK):
            report.damage.append(Damage(CHANGED, environment, path, entry))
    return work


def damaged_records(marker: EnvironmentMarker, wheels: Wheels) -> list[str]:
    """Return the records of packages of an environment that changed since it was made."""
    return [
        wheels.path(key) for key, recorded in marker.wheels.items() if _digest_or_none(wheels.path(key)) != recorded
    ]


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
