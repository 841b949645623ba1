"""What a Containerfile amounts to: stages, the steps that change their files, and the config that each ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.containerfile.heredocs import InlineFile
from workbench.containerfile.remote import Remote
from workbench.containerfile.stages import Origin


@dataclass(frozen=True, slots=True)
class RunMount:
    """What is mounted for one RUN only; `source` is a path in `origin`.

    `kind` is cache, secret, bind, tmpfs, ssh (an agent's socket) or script.
    `mode`, `uid` and `gid` are those of a cache's first folder, of a secret's file and of an agent's socket. A script
    is the `file` at `target`, which can be run. `size` is the most bytes of a tmpfs, 0 for any; a secret with a
    `variable` has its content there, and is a file too only where it has a target.
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
    file: InlineFile | None = None
    size: int = 0
    variable: str = ""


@dataclass(frozen=True, slots=True)
class FileStep:
    """One instruction that changes files: its line, itself on one line, the section that it is in."""

    line: int
    title: str
    section: str


@dataclass(frozen=True, slots=True)
class Run(FileStep):
    """A command: as whom, where, with which variables and mounts; `network` is "", host or none."""

    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    folder: str
    user: str
    network: str = ""
    mounts: tuple[RunMount, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy(FileStep):
    """Files from elsewhere, and then `files`; `target` ends in / when it must be a folder.

    A source is an absolute path in the `origin`, or what the builder fetches. With `unpack`, archives are unpacked.

    `owner` is USER[:GROUP], "" for what the origin says; `mode` is None for the same, or text as chmod takes it.
    With `link`, nothing of the stage so far makes a difference to them; with `parents`, they keep their folders, from
    /./ on where a source has that; patterns in `exclude` are of what is left out.
    """

    origin: Origin
    sources: tuple[str | Remote, ...]
    target: str
    owner: str = ""
    mode: int | str | None = None
    unpack: bool = False
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()
    files: tuple[InlineFile, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The sources that are paths in the origin."""
        return tuple(source for source in self.sources if isinstance(source, str))

    @property
    def fetched(self) -> tuple[Remote, ...]:
        """The sources that the builder fetches."""
        return tuple(source for source in self.sources if not isinstance(source, str))


@dataclass(frozen=True, slots=True)
class Folder(FileStep):
    """A folder that is made with those above it where they are missing; new ones belong to `user`, "" for root."""

    path: str
    user: str = ""


BuildStep = Run | Copy | Folder


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage: what it stands on (neither stage nor image: nothing), the working folder that it begins with, its
    steps, and the config of its image.
    """

    name: str
    base: Origin
    line: int
    steps: tuple[BuildStep, ...]
    config: Mapping[str, Any]
    first_folder: str = "/"


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """A whole Containerfile: its stages in order, the last being the image."""

    stages: tuple[PlannedStage, ...]
    unused_arguments: tuple[str, ...] = ()

    def needed(self) -> list[int]:
        """Return the numbers of the stages that the last one needs, itself included, in order."""
        found = {len(self.stages) - 1}
        for number in range(len(self.stages) - 1, -1, -1):
            if number in found:
                stage = self.stages[number]
                origins = [stage.base]
                for step in stage.steps:
                    if isinstance(step, Copy):
                        origins.append(step.origin)
                    elif isinstance(step, Run):
                        origins += [mount.origin for mount in step.mounts if mount.origin is not None]
                found |= {origin.stage for origin in origins if origin.stage is not None}
        return sorted(found)
