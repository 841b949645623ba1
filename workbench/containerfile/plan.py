"""What a Containerfile amounts to: stages, the steps that change their files, and the config they end with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from: the folder beside the Containerfile, a stage (by its number) or an image."""

    stage: int | None = None
    image: str = ""

    @property
    def is_context(self) -> bool:
        """Return whether it is the folder beside the Containerfile."""
        return self.stage is None and not self.image


@dataclass(frozen=True, slots=True)
class Mount:
    """What a RUN is lent: `kind` is cache, secret, bind or tmpfs; `source` is a path in `origin`.

    `mode`, `uid` and `gid` are those of a cache's first folder and of a secret's file.
    """

    kind: str
    target: str
    origin: Origin | None = None
    source: str = ""
    id: str = ""
    sharing: str = "shared"
    mode: int = 0
    uid: int = 0
    gid: int = 0
    readonly: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction that changes files: its line, itself on one line, the section that it is in."""

    line: int
    title: str
    section: str


@dataclass(frozen=True, slots=True)
class Run(Step):
    """A command: as whom, where, with which variables and mounts; `network` is "", host or none."""

    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    folder: str
    user: str
    network: str = ""
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy(Step):
    """Files from elsewhere, at absolute paths; `target` ends in / when it must be a folder.

    `owner` is USER[:GROUP], "" for what the origin says; `mode` is None for the same.
    """

    origin: Origin
    sources: tuple[str, ...]
    target: str
    owner: str = ""
    mode: int | None = None
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class Folder(Step):
    """A folder that has to be there, with those above it; those that are new belong to `user`, "" for root."""

    path: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM: what it stands on (neither stage nor image: nothing), the folder that it begins in, its steps,
    and its image's config.
    """

    name: str
    below: Origin
    line: int
    steps: tuple[Run | Copy | Folder, ...]
    config: Mapping[str, Any]
    begins: str = "/"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole Containerfile: its stages in order, the last being the image."""

    stages: tuple[Stage, ...]
    unused_arguments: tuple[str, ...] = ()

    def needed(self) -> list[int]:
        """Return the numbers of the stages that the last one needs, itself included, in order."""
        found = {len(self.stages) - 1}
        for number in range(len(self.stages) - 1, -1, -1):
            if number in found:
                stage = self.stages[number]
                origins = [stage.below]
                for step in stage.steps:
                    if isinstance(step, Copy):
                        origins.append(step.origin)
                    elif isinstance(step, Run):
                        origins += [mount.origin for mount in step.mounts if mount.origin is not None]
                found |= {origin.stage for origin in origins if origin.stage is not None}
        return sorted(found)
