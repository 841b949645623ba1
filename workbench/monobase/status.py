"""What a prefix holds, and whether its active generations are ready."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.monobase import layout
from workbench.monobase.environment import read_marker
from workbench.monobase.generation import Generation
from workbench.monobase.leases import holders, is_used
from workbench.monobase.prefix import Prefix
from workbench.monobase.verify import files_below

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Held:
    """A generation or cog generation below a prefix.

    `apparent` is what its files would take by themselves, `own` what no other place has: bytes.
    """

    name: str
    finished: bool
    latest: bool
    environments: int
    apparent: int
    own: int
    used_by: tuple[str, ...]


def status(prefix: Prefix) -> list[Held]:
    """Return what the prefix holds, the generations first, oldest first."""
    places = layout.places(prefix)
    links: dict[str, dict[int, tuple[int, int]]] = {}
    every: dict[int, set[str]] = {}
    apparent: dict[str, int] = {}
    for place in places:
        apparent[place.name] = 0
        links[place.name] = {}
        for _, found in files_below(place.folder):
            size = found.st_blocks * _BLOCK
            apparent[place.name] += size
            links[place.name][found.st_ino] = (found.st_nlink, size)
            every.setdefault(found.st_ino, set()).add(place.name)
    held = []
    for place in places:
        own = sum(size for inode, (_, size) in links[place.name].items() if every[inode] == {place.name})
        finished = sum(read_marker(folder) is not None for folder in place.environments())
        latest = layout.latest_name(os.path.join(os.path.dirname(place.folder), "latest"))
        used = tuple(holders(prefix, place.name)) if is_used(prefix, place.name) else ()
        held.append(
            Held(
                place.name,
                os.path.exists(os.path.join(place.folder, ".done")),
                latest == os.path.basename(place.folder),
                finished,
                apparent[place.name],
                own,
                used,
            )
        )
    return held


def unready(prefix: Prefix, generations: Sequence[Generation]) -> list[tuple[str, str]]:
    """Return why the active `generations` are not ready, as (what, reason); nothing when they are.

    Looks at markers only: quick enough for a probe. `monobase verify` looks at files.
    """
    reasons = []
    for generation in generations:
        folder = prefix.generation(generation.name)
        done = layout.read_done(folder)
        if done is None:
            there = sum(read_marker(os.path.join(folder, one.name)) is not None for one in generation.environments)
            reasons.append((generation.name, f"{there} of {len(generation.environments)} environments are there"))
            continue
        if done.digest != generation.digest:
            reasons.append((generation.name, f"was built as {done.digest}, and is {generation.digest} now"))
        for name, digest in done.environments.items():
            marker = read_marker(os.path.join(folder, name))
            if marker is None or marker.digest != digest:
                reasons.append(
                    (f"{generation.name}/{name}", "is not there any more" if marker is None else "is another now")
                )
        reasons += [
            (f"{generation.name}/{one.name}", "was never built")
            for one in generation.environments
            if one.name not in done.environments and one.name not in done.skipped
        ]
    if not reasons and layout.latest_name(prefix.latest) is None:
        reasons.append(("latest", "points at nothing"))
    return reasons
