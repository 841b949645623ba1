"""What there is below a prefix: environments of generations and of the cog layer, and the generations' own markers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from workbench.files import replace_text
from workbench.monobase.environment import DONE
from workbench.monobase.names import generation_number
from workbench.monobase.prefix import Prefix

_COG = re.compile(r"g[0-9a-f]{8}")
COG = "cog"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that holds environments: a generation, or a cog generation (`cog-` before its name)."""

    name: str
    folder: str

    def environments(self) -> list[str]:
        """Return the folders of its environments, finished or not, in order."""
        with os.scandir(self.folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


@dataclass(frozen=True, slots=True)
class GenerationMarker:
    """What a finished generation's `.done` says: its digest, its environments', and what was left out and why."""

    digest: str
    environments: Mapping[str, str]
    skipped: Mapping[str, str]


def generations(prefix: Prefix) -> list[Place]:
    """Return the generations below the prefix, finished or not, oldest first."""
    found = _folders(prefix.generations)
    return [
        Place(name, os.path.join(prefix.generations, name)) for name in found if generation_number(name) is not None
    ]


def cog_generations(prefix: Prefix) -> list[Place]:
    """Return the generations of the cog layer below the prefix."""
    folder = prefix.below(COG)
    return [Place(f"{COG}-{name}", os.path.join(folder, name)) for name in _folders(folder) if _COG.fullmatch(name)]


def places(prefix: Prefix) -> list[Place]:
    """Return everything that holds environments."""
    return [*generations(prefix), *cog_generations(prefix)]


def read_done(folder: str) -> GenerationMarker | None:
    """Return the marker of the generation in `folder`; None when it is not finished."""
    try:
        with open(os.path.join(folder, DONE), encoding="utf-8") as file:
            data = json.load(file)
        return GenerationMarker(data["digest"], dict(data["environments"]), dict(data["skipped"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_done(folder: str, marker: GenerationMarker) -> None:
    """Mark the generation in `folder` as finished."""
    replace_text(os.path.join(folder, DONE), json.dumps(asdict(marker), indent=1) + "\n")


def latest_name(link: str) -> str | None:
    """Return the name that a `latest` link points at; None when it is none, or points at nothing."""
    try:
        target = os.readlink(link)
    except OSError:
        return None
    return target if os.path.isdir(os.path.join(os.path.dirname(link), target)) else None


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
