"""The status of a prefix: what it holds, and whether its active generations are ready."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.monobase import layout
from workbench.monobase.environment import read_marker
from workbench.monobase.generation import Generation, load
from workbench.monobase.leases import last_use, uses
from workbench.monobase.prefix import Prefix
from workbench.monobase.sizes import measure
from workbench.monobase.spec import spec_names


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """A generation or cog generation below a prefix.

    `skipped` are the environments that its build left out, with the reason; `pythons` the versions that it was made
    with and those that it names, by "3.11". `apparent` are the bytes of all of its files, `own` the bytes of those
    that nothing else has. `used_by` are processes; `last_use` is when the last use was seen, in seconds since 1970.
    """

    name: str
    finished: bool
    latest: bool
    pinned: bool
    environments: int
    skipped: Mapping[str, str]
    pythons: Mapping[str, tuple[str, str]]
    apparent: int
    own: int
    used_by: tuple[str, ...]
    last_use: float


def unlocked(prefix: Prefix, data: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what the generations `names` of the prefix declare for this machine without a lock.

    By generation and environment: the variable of the index that it needs. Of a generation that the data folder does
    not have, or has as another one, nothing is known.
    """
    found = {}
    for name in sorted(set(names) & set(spec_names(data))):
        done = layout.read_done(prefix.generation(name))
        generation = load(data, name) if done is not None else None
        if done is not None and generation is not None and generation.digest == done.digest:
            found[name] = {one.name: one.variable for one in generation.unlocked_here}
    return {name: environments for name, environments in found.items() if environments}


def status(prefix: Prefix) -> list[GenerationStatus]:
    """Return what the prefix holds, the generations first, oldest first."""
    folders, sizes = layout.folders(prefix), measure(prefix)
    used, pinned = uses(prefix), layout.pinned_name(prefix)
    statuses = []
    for folder in folders:
        finished = sum(read_marker(environment) is not None for environment in folder.environments())
        latest = layout.latest_name(os.path.join(os.path.dirname(folder.path), "latest"))
        done = layout.read_done(folder.path)
        statuses.append(
            GenerationStatus(
                folder.name,
                done is not None,
                latest == os.path.basename(folder.path),
                folder.name == pinned,
                finished,
                done.skipped if done else {},
                done.pythons if done else {},
                sizes.apparent.get(folder.name, 0),
                sizes.own.get(folder.name, 0),
                tuple(used.get(folder.name, ())),
                last_use(prefix, folder.name),
            )
        )
    return statuses


def unready(prefix: Prefix, generations: Sequence[Generation], *, allow_skipped: bool = False) -> list[tuple[str, str]]:
    """Return why the active `generations` are not ready, as (what, reason); nothing when they are.

    An environment that was skipped is a reason, unless that is allowed; a generation with no environment at all is
    never ready. Reads markers only: quick enough for a probe. `monobase verify` reads files.
    """
    reasons = [reason for one in generations for reason in unready_generation(prefix, one, allow_skipped=allow_skipped)]
    if not reasons and layout.latest_name(prefix.latest) is None:
        reasons.append(("latest", "points at nothing"))
    return reasons


def unready_generation(prefix: Prefix, generation: Generation, *, allow_skipped: bool) -> list[tuple[str, str]]:
    """Return why one generation is not ready, as `unready` does."""
    folder = prefix.generation(generation.name)
    done = layout.read_done(folder)
    if done is None or not done.environments:
        finished = sum(read_marker(os.path.join(folder, one.name)) is not None for one in generation.environments)
        return [(generation.name, f"{finished} of {len(generation.environments)} environments are finished")]
    reasons = []
    if done.digest != generation.digest:
        reasons.append((generation.name, f"was built as {done.digest}, and is {generation.digest} now"))
    for name, digest in done.environments.items():
        marker = read_marker(os.path.join(folder, name))
        if marker is None or marker.digest != digest:
            reason = "no longer exists" if marker is None else "was replaced by another"
            reasons.append((f"{generation.name}/{name}", reason))
    for one in generation.environments:
        if one.name not in done.environments and not (allow_skipped and one.name in done.skipped):
            skipped = done.skipped.get(one.name)
            reason = "was never built" if skipped is None else f"was skipped: {skipped}"
            reasons.append((f"{generation.name}/{one.name}", reason))
    return reasons
