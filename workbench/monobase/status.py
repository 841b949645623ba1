"""The status of a prefix: what it holds, and whether its active generations are ready."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.monobase import layout
from workbench.monobase.environment import read_marker
from workbench.monobase.generation import Generation
from workbench.monobase.inspection import files_below
from workbench.monobase.leases import holders, is_used
from workbench.monobase.prefix import Prefix

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """A generation or cog generation below a prefix.

    `apparent` are the bytes of all of its files, `own` the bytes of those that nothing else has.
    """

    name: str
    finished: bool
    latest: bool
    environments: int
    apparent: int
    own: int
    used_by: tuple[str, ...]


def status(prefix: Prefix) -> list[GenerationStatus]:
    """Return what the prefix holds, the generations first, oldest first."""
    folders = layout.folders(prefix)
    links: dict[str, dict[int, tuple[int, int]]] = {}
    every: dict[int, set[str]] = {}
    apparent: dict[str, int] = {}
    for folder in folders:
        apparent[folder.name] = 0
        links[folder.name] = {}
        for _, found in files_below(folder.path):
            size = found.st_blocks * _BLOCK
            apparent[folder.name] += size
            links[folder.name][found.st_ino] = (found.st_nlink, size)
            every.setdefault(found.st_ino, set()).add(folder.name)
    statuses = []
    for folder in folders:
        own = sum(size for inode, (_, size) in links[folder.name].items() if every[inode] == {folder.name})
        finished = sum(read_marker(environment) is not None for environment in folder.environments())
        latest = layout.latest_name(os.path.join(os.path.dirname(folder.path), "latest"))
        used = tuple(holders(prefix, folder.name)) if is_used(prefix, folder.name) else ()
        statuses.append(
            GenerationStatus(
                folder.name,
                layout.read_done(folder.path) is not None,
                latest == os.path.basename(folder.path),
                finished,
                apparent[folder.name],
                own,
                used,
            )
        )
    return statuses


def unready(prefix: Prefix, generations: Sequence[Generation]) -> list[tuple[str, str]]:
    """Return why the active `generations` are not ready, as (what, reason); nothing when they are.

    Reads markers only: quick enough for a probe. `monobase verify` reads files.
    """
    reasons = []
    for generation in generations:
        folder = prefix.generation(generation.name)
        done = layout.read_done(folder)
        if done is None:
            finished = sum(read_marker(os.path.join(folder, one.name)) is not None for one in generation.environments)
            reasons.append((generation.name, f"{finished} of {len(generation.environments)} environments are finished"))
            continue
        if done.digest != generation.digest:
            reasons.append((generation.name, f"was built as {done.digest}, and is {generation.digest} now"))
        for name, digest in done.environments.items():
            marker = read_marker(os.path.join(folder, name))
            if marker is None or marker.digest != digest:
                reasons.append(
                    (f"{generation.name}/{name}", "no longer exists" if marker is None else "was replaced by another")
                )
        reasons += [
            (f"{generation.name}/{one.name}", "was never built")
            for one in generation.environments
            if one.name not in done.environments and one.name not in done.skipped
        ]
    if not reasons and layout.latest_name(prefix.latest) is None:
        reasons.append(("latest", "points at nothing"))
    return reasons
