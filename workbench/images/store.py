"""Where built images are kept: in podman's store, unless their builder has one of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.errors import WorkbenchError
from workbench.podman import Completed

# With the last, engines fetch the files alone that they lack of a layer (containers/storage, "partial images").
COMPRESSIONS = ("gzip", "zstd", "zstd:chunked")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image of a store: its id (`sha256:…`), the digest of its manifest ("" where that is unknown), its size in
    bytes, the digests of its layers from the lowest up, its config (`Env`, `User`, `Labels`, …), and when it was made.
    """

    id: str
    digest: str
    size: int
    layers: tuple[str, ...]
    config: Mapping[str, Any]
    created: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.config.get("Labels") or {}


class ImageStore(Protocol):
    """Images on this machine, by their full names.

    An implementation owes: a name is looked up as it is, never by a pattern; a container runs
    without network, as the given user, and is removed afterwards, whatever happens; what the store
    or a registry refuses is a Completed with its message, and a store that cannot be reached at all
    a WorkbenchError.
    """

    @property
    def name(self) -> str:
        """Whose store it is, as messages call it."""

    def inspect(self, image: str) -> ImageInfo | None:
        """Return what the store knows of an image, None when it has none of this name."""

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the value of `label` of each image that has it, by its `own_name`."""

    def run(
        self,
        image: str,
        command: Sequence[str],
        *,
        user: str,
        environment: Mapping[str, str],
        seconds: float,
    ) -> Completed:
        """Run `command` in a container of the image, for at most so many seconds, and return how it ended."""

    def push(self, image: str, target: str, compression: str = "") -> Completed:
        """Push an image of the store to a registry, under the name `target`.

        Layers that the registry lacks are compressed with `compression`, one of COMPRESSIONS, "" for the store's own.
        """

    def versions(self) -> Mapping[str, str]:
        """Return the programs that build and keep its images, with their versions."""


def own_name(names: Sequence[str]) -> str:
    """Return by which of its names an image is meant: one that this machine gave it, where there is one."""
    return min(names, key=lambda name: (not name.startswith("localhost/"), name))


def required(store: ImageStore, image: str, hint: str = "") -> ImageInfo:
    """Return what `store` knows of an image; raises WorkbenchError when it has none of this name."""
    info = store.inspect(image)
    if info is None:
        raise WorkbenchError(f"the image {image} is not in {store.name}'s store", hint=hint)
    return info
