"""What building an image means, whoever does it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.stages import Stage, stages


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An image to build.

    `names` are the full names it gets, the first being the one it is known by; `folder` holds what
    its Containerfile copies; `text` is the Containerfile; `options` go to the engine as they are;
    `ca_bundle` is a file of certificates to trust while building, "" for the image's own; `secrets`
    are files by the id under which a step may be lent them (`--mount=type=secret`); `siblings` are
    images whose layers may be taken over where they are what a step would make.
    """

    names: tuple[str, ...]
    folder: str
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    ca_bundle: str = ""
    cache: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)
    siblings: tuple[str, ...] = ()

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of the Containerfile; raises WorkbenchError, with its line, when it cannot be read."""
        return stages(self.text, self.arguments, file=os.path.join(self.folder, CONTAINERFILE))

    @property
    def tag(self) -> str:
        """The tag of the name that the image is known by."""
        return self.names[0].rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was built: the name it is known by and its id (`sha256:…`)."""

    image: str
    id: str


class Watcher(Protocol):
    """Who looks on while an image is built."""

    def step(self, number: int, total: int, title: str) -> None:
        """Take note that step `number` (from 1) of `total` begins; `title` is its instruction, on one line."""

    def line(self, text: str) -> None:
        """Take note of one line of output; secrets are taken out already."""


class Builder(Protocol):
    """Builds images.

    An implementation owes: the image is built from `request.text` beside `request.folder` with its
    labels, arguments and options, and gets its names only when all of it succeeded, so a failed or
    interrupted build leaves no name that is new or moved, and no process. Nothing of the CA bundle,
    of a secret or of the site's indexes and proxies is in the image or in what the watcher is told. Every step
    and every line of output goes to the watcher as it happens. What the user can mend is a
    WorkbenchError that names the step; KeyboardInterrupt passes through once all is stopped.
    """

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes and return it."""
