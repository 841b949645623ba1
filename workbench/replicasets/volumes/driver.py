"""What every volume driver does, and what drivers share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Failed, Invalid
from workbench.replicasets.quantities import size_text
from workbench.replicasets.tools import run_tool
from workbench.replicasets.values import Volume

# Bytes that a file system takes for itself beside those that it reports as used.
_MARGIN = 1 << 20


class Driver(Protocol):
    """Keeps volumes, and their sizes, below a folder.

    An implementation owes: a volume never holds more than its size, and a resize loses nothing,
    whatever fails meanwhile: the old data is given up only when what replaces it was checked.
    `prepare` does all that can fail, and `discard` undoes it; `apply` completes it. Every method has
    the same result when it is called again.
    """

    live: bool
    """Whether a volume may be resized while a container uses it."""

    shrinks: bool
    """Whether a volume may be made smaller."""

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        """Make the place of a new volume; return the options by which it is mounted."""

    def remove(self, folder: str, volume: Volume) -> None:
        """Remove the place with what is in it."""

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Prepare the new size; raises Invalid with the code 1030 when the volume holds more."""

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        """Give the volume the size it was prepared for."""

    def discard(self, folder: str, volume: Volume) -> None:
        """Undo what was prepared."""

    def size(self, folder: str, volume: Volume) -> int | None:
        """Return the size it has now, None when the driver cannot know it."""

    def in_use(self, folder: str, volume: Volume) -> bool:
        """Return whether the kernel has it mounted."""


def place(folder: str, volume: Volume, ending: str = "") -> str:
    """Return the path of a volume: by its id, which no user chose."""
    return os.path.join(folder, volume.id + ending)


def refuse_below(volume: Volume, size: int, used: int) -> None:
    """Raise Invalid with the code 1030 when `size` bytes are too few for the `used` bytes that a volume holds."""
    if size < used + _MARGIN:
        raise Invalid(
            f"{volume.name} holds {used} bytes, too much for {size_text(size)}",
            Code.VOLUME_USED,
            hint=f"at least {size_text((used + 2 * _MARGIN) >> 20 << 20)}",
        )


def is_mounted(volume: Volume) -> bool:
    """Return whether the folder of a volume is mounted somewhere."""
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[3].endswith(f"/{volume.id}") for line in file)


def tool(what: str, *command: str, okay: tuple[int, ...] = (0,)) -> str:
    """Run a tool of the system and return its output; raises Failed "cannot `what`: …"."""
    done = run_tool(*command)
    if done.code not in okay:
        raise Failed(f"cannot {what}: {done.lines[-1]}")
    return done.out
