"""What only some engines can do with the disks of containers: recording, carrying, comparing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from workbench.replicasets.engines.protocol import EngineImage


@runtime_checkable
class RecordingDisks(Protocol):
    """Records the disk of a container as an image.

    An implementation owes: `commit` takes the disk whole (deletions, hard links, owners, modes,
    symbolic links, pipes, devices, what sparse files hold) but no volumes and no bound folders, from a
    container that is paused or stopped; the image keeps the container's labels. Sockets, fractions of
    seconds, holes and what the root folder itself is may be lost; anything else that cannot be recorded
    is an EngineError, and there is no image. An image has its name when it is complete, and not before:
    a commit that is interrupted never names anything later. An image that is still in use is not
    removed: EngineError with the status 409.
    """

    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Record the disk of a container as an image of that name, with those labels too; return its id."""

    def abandoned_images(self) -> list[str]:
        """Return the names of images that were being made when this service, or one before it, was ended."""

    def images(self, label: str) -> list[EngineImage]:
        """Return all images with that label (`name` or `name=value`)."""

    def remove_image(self, name: str) -> None:
        """Take the name from an image, and remove it when it has no other."""


@runtime_checkable
class CarryingDisks(Protocol):
    """Gives the disk of one container to the next without an image between them.

    An implementation owes: after `carry` returns the two disks are equal in every respect: those that
    RecordingDisks names, sockets, times to the nanosecond, holes, the root folder, paths of any length.
    Nothing was copied when they were equal before. It may be called again, and with another
    source, until the target is started.
    """

    def can_carry(self, source: str) -> bool:
        """Return whether `carry` works for that container, with the rights that this process has."""

    def carry(self, source: str, target: str) -> None:
        """Give the created container `target` the disk of `source`, which is of the same image and not running."""


@dataclass(frozen=True, slots=True)
class PathOverlap:
    """A path that a set and its next image both changed: what each did to it (added, changed, removed)."""

    path: str
    mine: str
    image: str


@dataclass(frozen=True, slots=True)
class PackageOverlap:
    """A package that a set changed: its version before, the set's, the next image's; "" for none."""

    folder: str
    name: str
    was: str
    mine: str
    now: str


@dataclass(frozen=True, slots=True)
class Overlaps:
    """All that a set and its next image both changed, each in its way.

    `shadowed` are packages that the set alone changed: the image's version of them is not what will be used.
    """

    paths: tuple[PathOverlap, ...] = ()
    packages: tuple[PackageOverlap, ...] = ()
    shadowed: tuple[PackageOverlap, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.packages)


@runtime_checkable
class RebasingDisks(Protocol):
    """Gives what one container changed on its image to a container of another image.

    An implementation owes: what only one of the two changed is in the new disk as it was, deletions too. Where both
    changed a path, or a package whose files go together, one of them stands whole; compiled files that belong to what
    does not stand are gone. What the image has at a path that is kept is beside it, as `.image`. Times of folders may
    be other ones. It may be called again until the target is started, and is refused as `can_carry` is.
    """

    def overlaps(self, source: str, image: str) -> Overlaps:
        """Return what the container `source` and the image both changed since the container's own image."""

    def rebase(self, source: str, target: str, keep: str) -> None:
        """Give the created container `target` what `source` changed; `keep` is `mine`, `image`, "" for no overlaps."""


@runtime_checkable
class MeasuringDisks(Protocol):
    """Measures how much space disks take.

    An implementation owes: at least as many bytes as it returns are free once the container or image is removed.
    """

    def container_size(self, name: str) -> int:
        """Return the bytes of what a container changed on its image."""

    def image_size(self, name: str) -> int:
        """Return the bytes of an image that no other image has, 0 for none of that name."""

    def recorded_size(self, name: str) -> int:
        """Return the bytes that an image of a container's disk adds, where holes may have to be written out."""

    def free_bytes(self) -> int:
        """Return how many bytes are free where disks are kept."""


@dataclass(frozen=True, slots=True)
class DiskName:
    """A disk: that of a container, or one that was recorded as an image, by its id."""

    id: str
    is_image: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A path that was `added`, `changed` or `removed`; the bytes of the file before and after, None for not known."""

    path: str
    kind: str
    before: int | None = None
    after: int | None = None


@runtime_checkable
class ComparingDisks(Protocol):
    """Finds what differs between two disks, whatever they were made from, running or not.

    An implementation owes: every path of which kind, mode, owner, size or time differ. Sizes may not be known.
    """

    def compare(self, old: DiskName, new: DiskName) -> list[Change]:
        """Return what differs, by path; folders only where nothing in them differs."""
