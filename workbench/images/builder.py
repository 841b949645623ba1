"""What building an image means, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workbench.images.request import BuildRequest


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was built: the name it is known by and its id (`sha256:…`)."""

    image: str
    id: str


class Watcher(Protocol):
    """Receives the progress of a build."""

    def step(self, number: int, total: int, title: str) -> None:
        """Receive that step `number` (from 1) of `total` begins; `title` is its instruction, on one line."""

    def line(self, text: str) -> None:
        """Receive one line of output, without secrets."""


class Builder(Protocol):
    """Builds images.

    An implementation owes: the image is built from `request.text` beside `request.folder` with its
    labels, arguments and options, and gets its names only when all of it succeeded, so a failed or
    interrupted build leaves no name that is new or moved, and no process. Nothing of the CA bundle,
    of a secret or of the site's indexes and proxies is in the image or reaches the watcher. Every step and
    every line of output goes to the watcher as it happens. What the user can correct is a WorkbenchError
    that names the step; KeyboardInterrupt passes through once everything has stopped.
    """

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes and return it."""
