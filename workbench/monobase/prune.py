"""Removing what is unused: old generations, old cog generations, and what only they had."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import LINK, is_recorded, manifest_of, read_marker
from workbench.monobase.inspection import files_below
from workbench.monobase.install import Toolchain
from workbench.monobase.layout import GenerationFolder
from workbench.monobase.leases import GRACE, InUseError, last_use, unused
from workbench.monobase.prefix import Prefix, staged
from workbench.monobase.processes import scan
from workbench.monobase.sizes import BLOCK
from workbench.monobase.tidy import point_latest


@dataclass(slots=True)
class PruneReport:
    """What is removed, what is kept though it is old (and why), and what is freed on the disk.

    `packages` and `files` are those of the store; `freed` are the bytes of files whose last link is removed. `unseen`
    names processes that only a lease could have shown, "" for none. `left` is what the prefix takes at the end, 0 when
    that was not measured.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    packages: int = 0
    files: int = 0
    freed: int = 0
    unseen: str = ""
    left: int = 0


def prune(
    tools: Toolchain,
    is_old: Callable[[GenerationFolder], bool],
    *,
    dry_run: bool = False,
    even_latest: bool = False,
    grace: float = GRACE,
) -> PruneReport:
    """Remove the folders that are old and not in use, then what nothing else uses of the store and uv's cache.

    In use is what a process runs on, or was seen to less than `grace` seconds ago. A folder cannot be leased while it
    is removed, and what a `latest` points at is kept; with `even_latest` it is not, and `latest` points at the newest
    that is left. With `dry_run` nothing changes. The caller holds the prefix's
    lock. Raises WorkbenchError when an environment that stays is damaged: nobody can say then what it uses.
    """
    found = PruneReport()
    with ExitStack() as locks:
        removing = []
        for folder in layout.folders(tools.prefix):
            if not is_old(folder):
                continue
            latest = os.path.join(os.path.dirname(folder.path), "latest")
            if not even_latest and os.path.basename(folder.path) == layout.latest_name(latest):
                found.kept.append((folder.name, "latest points at it"))
                continue
            if folder.name == layout.pinned_name(tools.prefix):
                found.kept.append((folder.name, "latest is pinned to it"))
                continue
            with ExitStack() as lock:
                try:
                    lock.enter_context(unused(tools.prefix, folder.name))
                except InUseError as error:
                    found.kept.append((folder.name, error.message))
                    continue
                if reason := _recent_use(tools.prefix, folder.name, grace):
                    found.kept.append((folder.name, reason))
                    continue
                locks.push(lock.pop_all())
            removing.append(folder)
        found.unseen = scan(tools.prefix).blind_spot() if removing else ""
        records, entries = _unreferenced(tools, removing)
        found.removed = [folder.name for folder in removing]
        found.packages, found.files = len(records), len(entries)
        loose = _paths(tools, records, entries)
        found.freed = _freed([*(folder.path for folder in removing), tools.uv.cache], loose)
        if not dry_run:
            for folder in removing:
                # It disappears at once, however long removing it takes.
                with staged(tools.prefix, "pruned") as aside:
                    os.rename(folder.path, os.path.join(aside, folder.name))
            if even_latest and layout.latest_name(tools.prefix.latest) is None:
                point_latest(tools.prefix, tools.prefix.latest)
            for path in loose:
                os.unlink(path)
            # What is in use is linked from the store; the cache would only keep the rest on the disk.
            shutil.rmtree(tools.uv.cache, ignore_errors=True)
    return found


def freed_without(tools: Toolchain, removing: Sequence[GenerationFolder]) -> int:
    """Return the bytes that the disk gets back when the folders `removing` go, and all that nothing uses then.

    Raises WorkbenchError when an environment that stays is damaged.
    """
    loose = _paths(tools, *_unreferenced(tools, removing))
    return _freed([*(folder.path for folder in removing), tools.uv.cache], loose)


def _paths(tools: Toolchain, records: Iterable[str], entries: Iterable[str]) -> list[str]:
    return [*(tools.wheels.path(key) for key in records), *(tools.store.path(entry) for entry in entries)]


def _recent_use(prefix: Prefix, name: str, grace: float) -> str:
    """Return that the last use of `name` is too recent, "" when it is not."""
    ago = time.time() - last_use(prefix, name)
    if ago >= grace:
        return ""
    # A clock that was set back makes it negative.
    return f"was used {max(0, int(ago // 60))} minutes ago: it goes {int(grace / 60)} minutes after its last use"


def _unreferenced(tools: Toolchain, removing: Sequence[GenerationFolder]) -> tuple[list[str], list[str]]:
    """Return the records of packages, and the entries of the store, that are unused once `removing` is gone."""
    removed = {folder.path for folder in removing}
    keys: set[str] = set()
    entries: set[str] = set()
    for folder in layout.folders(tools.prefix):
        for environment in folder.environments() if folder.path not in removed else ():
            marker = read_marker(environment)
            if marker is None or not is_recorded(marker, tools.wheels):
                raise WorkbenchError(
                    "nobody can say what this environment uses: its marker or a record is damaged",
                    where=environment,
                    hint=f"run `{here('monobase repair')}`, then `{here('monobase build')}`",
                )
            keys |= marker.wheels.keys()
            entries.update(manifest_of(tools.wheels, marker.wheels, marker.frame).values())
            entries.add(marker.lock)  # a cog's is stored too
    files = {entry for entry in entries if not entry.startswith(LINK)}
    records = [key for key in tools.wheels.keys() if key not in keys]  # noqa: SIM118 - a method of ours
    return records, [entry for entry in tools.store.entries() if entry not in files]


def _freed(folders: Iterable[str], loose: Iterable[str]) -> int:
    """Return the bytes on the disk of `folders` and the files `loose`, where no link to them is left elsewhere."""
    links: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    freed = 0
    statuses = [os.lstat(path) for path in loose]
    for folder in folders:
        if os.path.isdir(folder):
            statuses += [status for _, status in files_below(folder)]
            freed += sum(os.lstat(path).st_blocks * BLOCK for path, _, _ in os.walk(folder))
    for status in statuses:
        links[status.st_ino] = links.get(status.st_ino, 0) + 1
        sizes[status.st_ino] = status.st_nlink, status.st_blocks * BLOCK
    return freed + sum(size for inode, (count, size) in sizes.items() if links[inode] == count)
