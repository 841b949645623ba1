"""Removing what nothing uses: old generations, old cog generations, and what only they had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from workbench.monobase import layout
from workbench.monobase.environment import LINK, manifest_of, read_marker
from workbench.monobase.install import Workshop
from workbench.monobase.layout import Place
from workbench.monobase.leases import InUseError, unused
from workbench.monobase.prefix import staged
from workbench.monobase.verify import files_below

# What the blocks of a stat are counted in, whatever the file system's own are.
_BLOCK = 512


@dataclass(slots=True)
class Pruned:
    """What goes, what stays though it is old (and why), and what the disk gets back.

    `packages` and `files` are what the store loses; `freed` the bytes of files of which the last link goes.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    packages: int = 0
    files: int = 0
    freed: int = 0


def prune(shop: Workshop, is_old: Callable[[Place], bool], *, dry_run: bool = False) -> Pruned:
    """Remove the places that are old and not in use, then what of the store and uv's cache nothing else has.

    Nobody can lease a place while it is removed, and what a `latest` points at stays. With `dry_run`
    nothing changes. The prefix's lock is ours.
    """
    found = Pruned()
    with ExitStack() as held:
        going = []
        for place in layout.places(shop.prefix):
            if not is_old(place):
                continue
            if os.path.basename(place.folder) == layout.latest_name(
                os.path.join(os.path.dirname(place.folder), "latest")
            ):
                found.kept.append((place.name, "latest points at it"))
                continue
            try:
                held.enter_context(unused(shop.prefix, place.name))
            except InUseError as error:
                found.kept.append((place.name, error.message))
                continue
            going.append(place)
        records, entries = _unreferenced(shop, going)
        found.removed = [place.name for place in going]
        found.packages, found.files = len(records), len(entries)
        loose = [*(shop.wheels.path(key) for key in records), *(shop.store.path(entry) for entry in entries)]
        found.freed = _freed([*(place.folder for place in going), shop.uv.cache], loose)
        if not dry_run:
            for place in going:
                # Gone for everybody at once, whatever the time that it takes to remove.
                with staged(shop.prefix, "pruned") as aside:
                    os.rename(place.folder, os.path.join(aside, place.name))
            for path in loose:
                os.unlink(path)
            # What is in use is linked from the store; the cache would only keep the rest on the disk.
            shutil.rmtree(shop.uv.cache, ignore_errors=True)
    return found


def _unreferenced(shop: Workshop, going: Sequence[Place]) -> tuple[list[str], list[str]]:
    """Return the records of packages, and the entries of the store, that nothing has once `going` is gone."""
    kept = {place.folder for place in going}
    keys: set[str] = set()
    entries: set[str] = set()
    for place in layout.places(shop.prefix):
        for folder in place.environments() if place.folder not in kept else ():
            marker = read_marker(folder)
            if marker is not None:
                keys |= marker.wheels.keys()
                entries.update(manifest_of(shop.wheels, marker.wheels, marker.frame).values())
    files = {entry for entry in entries if not entry.startswith(LINK)}
    records = [key for key in shop.wheels.keys() if key not in keys]  # noqa: SIM118 - a method of ours
    return records, [entry for entry in shop.store.entries() if entry not in files]


def _freed(folders: Iterable[str], loose: Iterable[str]) -> int:
    """Return the bytes on the disk of `folders` and the files `loose`, where no link to them is left elsewhere."""
    links: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    freed = 0
    statuses = [os.lstat(path) for path in loose]
    for folder in folders:
        if os.path.isdir(folder):
            statuses += [status for _, status in files_below(folder)]
            freed += sum(os.lstat(path).st_blocks * _BLOCK for path, _, _ in os.walk(folder))
    for status in statuses:
        links[status.st_ino] = links.get(status.st_ino, 0) + 1
        sizes[status.st_ino] = status.st_nlink, status.st_blocks * _BLOCK
    return freed + sum(size for inode, (count, size) in sizes.items() if links[inode] == count)
