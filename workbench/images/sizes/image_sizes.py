"""The sizes of what is in an image, as values."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.images.store import ImageStore, required

_PROGRAM = os.path.join(os.path.dirname(__file__), "measure.py")
_SECONDS = 600
# The kinds as measure.py names them, and as people are shown them.
KINDS = {
    "python": "Python packages",
    "os": "operating system packages",
    "npm": "npm packages",
    "folder": "other files",
}


@dataclass(frozen=True, slots=True)
class SizedPart:
    """A package, or a folder of files that are no package's: its kind, name and version, its bytes and files."""

    kind: str
    name: str
    version: str
    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """What an image holds: its parts, the largest first, and the bytes of its layers in the store (`stored`).

    Layers hold more than the parts: what a later layer replaces or removes stays in the one below.
    """

    image: str
    parts: tuple[SizedPart, ...]
    stored: int

    @property
    def bytes(self) -> int:
        """The bytes of all files that a container sees."""
        return sum(part.bytes for part in self.parts)

    @property
    def files(self) -> int:
        """How many they are."""
        return sum(part.files for part in self.parts)

    def by_kind(self) -> list[SizedPart]:
        """Return the sum of each kind, under the name that people are shown, the largest first."""
        sums = [
            SizedPart(kind, title, "", sum(part.bytes for part in own), sum(part.files for part in own))
            for kind, title in KINDS.items()
            if (own := [part for part in self.parts if part.kind == kind])
        ]
        return sorted(sums, key=lambda part: -part.bytes)


def image_sizes(image: str, store: ImageStore, hint: str = "") -> ImageSizes:
    """Measure the `image` of `store` in a container of it, without network.

    Raises WorkbenchError when it is not there, with the `hint`, or has no working Python.
    """
    info = required(store, image, hint)
    with open(_PROGRAM, encoding="utf-8") as file:
        program = file.read()
    command = ("python", "-I", "-c", program)
    done = store.run(image, command, user="0", environment={"LC_ALL": "C.UTF-8"}, seconds=_SECONDS)
    if done.code != 0:
        raise WorkbenchError(f"{image} cannot be measured: {done.reason}")
    return ImageSizes(image, parts_of(json.loads(done.out)), info.size)


def parts_of(rows: Sequence[Sequence[str | int]]) -> tuple[SizedPart, ...]:
    """Return the parts that the rows of measure.py are, the largest first."""
    parts = (
        SizedPart(str(kind), str(name), str(version), int(size), int(count))
        for kind, name, version, size, count in rows
    )
    return tuple(sorted(parts, key=lambda part: (-part.bytes, part.kind, part.name, part.version)))
