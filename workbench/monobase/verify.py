"""Comparing everything below a prefix with what was installed.

What is evidence, each held against the one above it: a generation's description and locks (they come with the tool);
its manifest and each environment's marker (they carry their own digests, and must agree); the records of packages
(their own digest, their name, and the marker); the files of the store (their names); the scripts (the tool's own).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.damage import ACCESS, CHANGED, EXTRA, MARKER, MISSING, RECORD, Damage, VerifyReport
from workbench.monobase.environment import DONE, LINK, EnvironmentMarker, digest_of, manifest_of, read_marker
from workbench.monobase.frame import site_packages
from workbench.monobase.inspection import FILE_MODE, FOLDER_MODE, Inspection, Owners, tree_below
from workbench.monobase.prefix import Prefix
from workbench.monobase.store import FileStore, digest, is_sealed
from workbench.monobase.surroundings import inspect_surroundings
from workbench.monobase.wheels import Wheels


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts that the files of a prefix are in: number 1 to `of`, by their digests, so about as large."""

    number: int
    of: int

    def has(self, entry: str) -> bool:
        """Return whether the file that is stored as `entry` is in it."""
        return int(entry[:12], 16) % self.of == self.number - 1


class _Inodes:
    """The digests of a prefix's inodes, each read once, however many links it has."""

    def __init__(self, owners: Owners, reads: Callable[[str], bool]) -> None:
        self._owners = owners
        self._reads = reads
        self._digests: dict[int, str] = {}

    def is_damaged(self, path: str, status: os.stat_result, entry: str) -> bool:
        """Return whether the file at `path` is not what was stored as `entry`, as far as it is to be read."""
        if not self.is_sealed(status, entry):
            return True
        return self._reads(entry) and self._digest(path, status.st_ino) != entry.removesuffix("-x")

    def is_sealed(self, status: os.stat_result, entry: str) -> bool:
        """Return whether a file looks as it was stored as `entry`: by kind, time, mode and owner."""
        return is_sealed(status, entry) and self._owners.allow(status)

    def read_ahead(self, files: Mapping[int, tuple[str, str]], jobs: int) -> None:
        """Read `files` (path and entry by inode), several at once; those that are not to be read are left out."""
        paths = {inode: path for inode, (path, entry) in files.items() if self._reads(entry)}
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
    prefix: Prefix,
    digests: Mapping[str, str] | None = None,
    *,
    quick: bool = False,
    part: Part | None = None,
    jobs: int = 1,
) -> VerifyReport:
    """Return what is not as it was installed, in all finished environments and the store.

    `digests` are those of the generations as they are described, by name: one that was built from
    another description has changed. `quick` reads no file: it detects writes, unless the writer
    set the time back; without it every inode is read once. With `part` those of this part are read, and the others
    looked at as `quick` does.
    """
    try:
        return _verify(prefix, digests or {}, quick=quick, part=part, jobs=jobs)
    except FileNotFoundError as error:
        raise WorkbenchError(
            "it was removed while it was read",
            where=str(error.filename),
            hint="run it again while no builder runs",
        ) from None
    except PermissionError as error:
        raise WorkbenchError(
            "it cannot be read", where=str(error.filename), hint="run it as the user who builds"
        ) from None


def _verify(prefix: Prefix, digests: Mapping[str, str], *, quick: bool, part: Part | None, jobs: int) -> VerifyReport:
    report, store, wheels = VerifyReport(), FileStore(prefix), Wheels(prefix)
    if not os.path.isdir(prefix.root):
        return report
    owners = Owners.of(prefix)
    inodes = _Inodes(owners, (lambda _: not quick) if part is None else part.has)
    look = Inspection(prefix, owners)
    found = inspect_surroundings(look, wheels, quick=quick)
    report.damage, report.unfinished = look.damage, found.unfinished
    for folder in layout.folders(prefix):
        done, named = layout.read_done(folder.path), digests.get(folder.name)
        if done is not None and named is not None and done.digest != named:
            report.changed.append((folder.name, f"was built as {done.digest}, and is {named} now"))
    work: list[tuple[str, str, os.stat_result, str]] = []
    needed = {entry for key in wheels.keys() if (wheel := wheels.get(key)) for entry in wheel.files.values()}  # noqa: SIM118
    for environment, done in found.environments:
        work += _check_environment(prefix, environment, done, wheels, owners, report, needed)
    first: dict[int, tuple[str, str]] = {}
    for _, path, status, entry in work:
        if inodes.is_sealed(status, entry):
            first.setdefault(status.st_ino, (path, entry))
    stored = [(entry, store.path(entry), os.lstat(store.path(entry))) for entry in found.stored]
    for entry, path, status in stored:
        if inodes.is_sealed(status, entry):
            first.setdefault(status.st_ino, (path, entry))
    inodes.read_ahead(first, jobs)
    for environment, path, status, entry in work:
        if inodes.is_damaged(path, status, entry):
            within = os.path.relpath(path, prefix.below(environment))
            report.damage.append(Damage(CHANGED, environment, within, entry, status.st_ino))
    damaged = {entry for entry, path, status in stored if inodes.is_damaged(path, status, entry)}
    report.damaged_entries = sorted(damaged | (needed - set(found.stored)))
    report.files = len(work)
    report.inodes = len(first)
    return report


def _check_environment(
    prefix: Prefix,
    environment: str,
    done: layout.GenerationMarker | None,
    wheels: Wheels,
    owners: Owners,
    report: VerifyReport,
    needed: set[str],
) -> list[tuple[str, str, os.stat_result, str]]:
    """Add what is damaged by its name, kind, mode or owner to `report`, and the entries that it needs to `needed`.

    Returns the files whose contents are to be read.
    """
    folder = prefix.below(environment)
    marker = read_marker(folder)
    expected = done.environments.get(os.path.basename(folder)) if done else None
    if marker is None or expected not in (None, marker.digest):
        report.damage.append(Damage(MARKER, environment, DONE))
        return []
    report.environments += 1
    needed.update(entry for entry in marker.frame.values() if not entry.startswith(LINK))
    if environment.startswith(f"{layout.COG}/g"):
        needed.add(marker.lock)
    if damaged := damaged_records(marker, wheels):
        report.damage += [Damage(RECORD, environment, os.path.basename(wheels.path(key))) for key in damaged]
        return []
    manifest = manifest_of(wheels, marker.wheels, marker.frame)
    if digest_of(manifest) != marker.digest:
        report.damage.append(Damage(MARKER, environment, DONE))
        return []
    return _check_tree(folder, environment, manifest, marker.python.minor, owners, report)


def _check_tree(
    folder: str, environment: str, manifest: Mapping[str, str], minor: str, owners: Owners, report: VerifyReport
) -> list[tuple[str, str, os.stat_result, str]]:
    folders = folders_of(manifest, minor)
    present = dict(tree_below(folder))
    present[""] = os.lstat(folder)

    def damage(kind: str, path: str) -> None:
        report.damage.append(Damage(kind, environment, path, manifest.get(path, "")))

    for path in sorted((manifest.keys() | folders) - present.keys()):
        damage(MISSING, path)
    work = []
    for path, status in sorted(present.items()):
        whole = f"{folder}/{path}"
        if path in folders:
            if not stat.S_ISDIR(status.st_mode):
                damage(CHANGED, path)
            elif stat.S_IMODE(status.st_mode) & ~stat.S_ISGID != FOLDER_MODE or not owners.allow(status):
                damage(ACCESS, path)
        elif path == DONE:
            if stat.S_IMODE(status.st_mode) != FILE_MODE or not owners.allow(status):
                damage(ACCESS, path)
        elif (entry := manifest.get(path)) is None:
            damage(EXTRA, path)
        elif stat.S_ISDIR(status.st_mode):
            damage(MISSING, path)
        elif not entry.startswith(LINK):
            work.append((environment, whole, status, entry))
        elif not stat.S_ISLNK(status.st_mode) or os.readlink(whole) != entry.removeprefix(LINK):
            damage(CHANGED, path)
        elif not owners.allow(status):
            damage(ACCESS, path)
    return work


def folders_of(manifest: Mapping[str, str], minor: str) -> set[str]:
    """Return the folders of an environment with these files, itself ("") among them."""
    folders = {""}
    for path in (*manifest, f"{site_packages(minor)}/"):
        while (path := os.path.dirname(path)) not in folders:
            folders.add(path)
    return folders


def damaged_records(marker: EnvironmentMarker, wheels: Wheels) -> list[str]:
    """Return the keys of the records that are not those which an environment was made from."""
    return [key for key, recorded in marker.wheels.items() if wheels.digest(key) != recorded]


def _digest_or_none(path: str) -> str:
    try:
        return digest(path)
    except OSError:
        return ""
