"""What a prefix holds: environments of generations and of the cog layer, and the generations' own markers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.monobase.documents import DamagedDocumentError, read_document, write_document
from workbench.monobase.environment import DONE
from workbench.monobase.names import generation_number
from workbench.monobase.prefix import Prefix

_COG = re.compile(r"g[0-9a-f]{8}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
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
    """The content of a finished generation's `.done`, its manifest: nothing else in its folder is activated.

    It has the generation's digest, that of each environment, and what was skipped and why. `pythons` has for each
    Python ("3.11") the version that the environments were made with, and the one that the generation names: the
    last number of a version is no part of a generation.
    """

    digest: str
    environments: Mapping[str, str]
    skipped: Mapping[str, str]
    pythons: Mapping[str, tuple[str, str]] = field(default_factory=dict)


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


def cogs_beside(prefix: Prefix) -> list[str]:
    """Return the folders of cogs that a user installed: straight below `cog`, in no generation."""
    folder = prefix.below(COG)
    return [os.path.join(folder, name) for name in _names(folder) if name.startswith("cog")]


def folders(prefix: Prefix) -> list[GenerationFolder]:
    """Return everything that holds environments."""
    return [*generations(prefix), *cog_generations(prefix)]


def read_done(folder: str) -> GenerationMarker | None:
    """Return the marker of the generation in `folder`; None when it has none that can be used."""
    try:
        words = [line.split(" ", 2) for line in read_document(os.path.join(folder, DONE)).splitlines()]
        (_, digest), *rest = words
        environments = {name: made for word, name, made in rest if word == "environment"}
        skipped = {name: str(json.loads(reason)) for word, name, reason in rest if word == "skipped"}
        versions = {name: rest.split(" ") for word, name, rest in rest if word == "python"}
        pythons = {name: (made, named) for name, (made, named) in versions.items()}
    except (OSError, DamagedDocumentError, ValueError):
        return None
    if not all(map(is_environment, environments)):
        return None
    return GenerationMarker(digest, environments, skipped, pythons)


def write_done(folder: str, marker: GenerationMarker) -> None:
    """Mark the generation in `folder` as finished. (`activate.sh` reads these lines.)"""
    lines = [f"generation {marker.digest}"]
    lines += [f"environment {name} {digest}" for name, digest in sorted(marker.environments.items())]
    lines += [f"python {name} {made} {named}" for name, (made, named) in sorted(marker.pythons.items())]
    lines += [f"skipped {name} {json.dumps(reason)}" for name, reason in sorted(marker.skipped.items())]
    write_document(os.path.join(folder, DONE), "".join(f"{line}\n" for line in lines))


def is_generation(name: str) -> bool:
    """Return whether `name` is that of a generation."""
    return generation_number(name) is not None


def is_cog_generation(name: str) -> bool:
    """Return whether `name` is that of a generation of the cog layer."""
    return _COG.fullmatch(name) is not None


def is_environment(name: str) -> bool:
    """Return whether `name` can be that of an environment's folder."""
    return _ENVIRONMENT.fullmatch(name) is not None


def latest_name(link: str) -> str | None:
    """Return the name beside a `latest` link that it points at; None when it is no link, or points elsewhere."""
    try:
        target = os.readlink(link)
    except OSError:
        return None
    beside = os.path.join(os.path.dirname(link), target)
    return target if "/" not in target and os.path.isdir(beside) and not os.path.islink(beside) else None


def pinned_name(prefix: Prefix) -> str | None:
    """Return the generation that `latest` is pinned to; None when it is not, and when that one is not finished."""
    name = latest_name(prefix.pinned)
    return name if name is not None and read_done(prefix.generation(name)) is not None else None


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
