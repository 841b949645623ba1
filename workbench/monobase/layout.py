"""What a prefix holds: environments of generations and of the cog layer, and the generations' own markers."""

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
class GenerationFolder:
    """A folder that holds environments: a generation, or a cog generation (`cog-` before its name)."""

    name: str
    path: str

    def environments(self) -> list[str]:
        """Return the folders of its environments, finished or not, in order."""
        with os.scandir(self.path) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


@dataclass(frozen=True, slots=True)
class GenerationMarker:
    """The content of a finished generation's `.done`: its digest, its environments', and what was skipped and why."""

    digest: str
    environments: Mapping[str, str]
    skipped: Mapping[str, str]


def generations(prefix: Prefix) -> list[GenerationFolder]:
    """Return the generations below the prefix, finished or not, oldest first."""
    found = _names(prefix.generations)
    return [
        GenerationFolder(name, os.path.join(prefix.generations, name))
        for name in found
        if generation_number(name) is not None
    ]


def cog_generations(prefix: Prefix) -> list[GenerationFolder]:
    """Return the generations of the cog layer below the prefix."""
    folder = prefix.below(COG)
    return [
        GenerationFolder(f"{COG}-{name}", os.path.join(folder, name)) for name in _names(folder) if _COG.fullmatch(name)
    ]


def folders(prefix: Prefix) -> list[GenerationFolder]:
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
    """Return the name that a `latest` link points at; None when it is no link, or points at nothing."""
    try:
        target = os.readlink(link)
    except OSError:
        return None
    return target if os.path.isdir(os.path.join(os.path.dirname(link), target)) else None


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
