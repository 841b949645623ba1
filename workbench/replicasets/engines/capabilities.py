"""What only some engines can do. An operation requires the capabilities it needs before it changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeVar, runtime_checkable

from workbench.replicasets.engines.protocol import Engine, EngineImage
from workbench.replicasets.errors import Unsupported
from workbench.replicasets.values import Gpu

C = TypeVar("C")


def require(engine: Engine, kind: type[C]) -> C:
    """Return the engine as one that has the capability `kind`; raises Unsupported when it has not."""
    capable = engine.capability(kind)
    if capable is None:
        raise Unsupported(f"this engine cannot {PURPOSES[kind]}")
    return capable


@runtime_checkable
class Pausing(Protocol):
    """Freezes containers.

    An implementation owes: after `pause` returns no process of the container runs another
    instruction until `unpause`, and memory, connections and published ports stay as they are; the
    state of the container is then `paused`. Both succeed when it is so already.
    """

    def pause(self, name: str) -> None:
        """Freeze its processes."""

    def unpause(self, name: str) -> None:
        """Resume its processes."""


@runtime_checkable
class RecordingDisks(Protocol):
    """Records the disk of a container as an image.

    An implementation owes: `commit` takes the disk whole (deletions, hard links, owners, modes,
    symbolic links, pipes, sparse files) but no volumes and no bound folders, from a container that
    is paused or stopped; the image keeps the container's labels. An image that is still
    in use is not removed: EngineError with the status 409.
    """

    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Record the disk of a container as an image of that name, with those labels too; return its id."""

    def images(self, label: str) -> list[EngineImage]:
        """Return all images with that label (`name` or `name=value`)."""

    def remove_image(self, name: str) -> None:
        """Take the name from an image, and remove it when it has no other."""


@runtime_checkable
class CarryingDisks(Protocol):
    """Gives the disk of one container to the next without an image between them.

    An implementation owes: after `carry` returns the two disks are equal in every respect that
    RecordingDisks names, and nothing was copied when they were equal before. It may be called
    again, and with another source, until the target is started.
    """

    def can_carry(self, source: str) -> bool:
        """Return whether `carry` works for that container, with the rights that this process has."""

    def carry(self, source: str, target: str) -> None:
        """Give the created container `target` the disk of `source`, which is of the same image and not running."""


@runtime_checkable
class MeasuringDisks(Protocol):
    """Measures how much space disks take.

    An implementation owes: at least as many bytes as it returns are free once the container or image is removed.
    """

    def container_size(self, name: str) -> int:
        """Return the bytes of what a container changed on its image."""

    def image_size(self, name: str) -> int:
        """Return the bytes of an image that no other image has, 0 for none of that name."""


@runtime_checkable
class LiveLimits(Protocol):
    """Changes the limits of a container while it runs.

    An implementation owes: the limits hold when `set_limits` returns, and at least until the
    container stops; they are set again after each start.
    """

    def set_limits(self, name: str, cpus: int, memory: int) -> None:
        """Set the limits of a running container: thousandths of a CPU, bytes; 0 for no limit."""


@runtime_checkable
class Watching(Protocol):
    """Reports what becomes of containers, as it happens.

    An implementation owes: what happened after the first value was yielded is reported. The stream may end at any
    time, with EngineGone or without an error: then all containers are to be looked up once more.
    """

    def changes(self) -> Iterator[str]:
        """Yield "" at once, then the name of each container that starts, ends, is frozen, or is removed."""


@runtime_checkable
class RemovingRemains(Protocol):
    """Finds and removes containers that were only half made or half removed, as after a power cut.

    An implementation owes: `remains` returns none that the engine itself can list, start or remove as a container,
    and none of an image build.
    """

    def remains(self) -> list[tuple[str, str]]:
        """Return the ids and the names of what is left of containers."""

    def remove_remains(self, id_: str) -> None:
        """Remove what is left of a container."""


@runtime_checkable
class PinningGpus(Protocol):
    """Gives a container the very GPUs that its spec names.

    An implementation owes: the order of `gpus` and their ids stay the same while the machine has
    the same GPUs; a container sees those of its spec and no others, and is not started without them.
    """

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs it can give; raises NotFound or ReplicaSetError when they cannot be listed."""


@runtime_checkable
class BindingFolders(Protocol):
    """Binds folders of the engine's host, named in a spec's binds by absolute paths.

    An implementation owes: `has_folder` checks the host on which containers run, and what is
    written to a bound folder is visible at once to the host and to every container that binds it.
    """

    def has_folder(self, path: str) -> bool:
        """Return whether `path` is a folder of the host, and no part of it is a symbolic link."""


@runtime_checkable
class MountingVolumes(Protocol):
    """Makes volumes of places on this machine, so that a volume driver can limit, grow and shrink them.

    An implementation owes: containers run on this machine; the volume is mounted with `options`
    (type, device, o: as mount(8) takes them) while a container uses it, and not otherwise.
    """

    def create_mounted_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a volume that is mounted with `options`; one of that name with the same labels may exist."""


# Every capability, and how a message names what it is for.
PURPOSES: dict[type, str] = {
    Pausing: "pause containers",
    RecordingDisks: "record the disk of a container as an image",
    CarryingDisks: "give the disk of one container to another",
    MeasuringDisks: "measure disks",
    LiveLimits: "change the limits of a running container",
    RemovingRemains: "remove half-made containers",
    Watching: "report what becomes of its containers",
    PinningGpus: "give chosen GPUs to a container",
    BindingFolders: "bind folders of its host",
    MountingVolumes: "use volumes that have a size",
}
