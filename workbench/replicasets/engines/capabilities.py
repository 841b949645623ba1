"""What only some engines can do. An operation requires the capabilities it needs before it changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from workbench.replicasets.engines.disk_capabilities import (
    CarryingDisks,
    ComparingDisks,
    MeasuringDisks,
    RebasingDisks,
    RecordingDisks,
)
from workbench.replicasets.engines.protocol import Engine, EngineImage, RunningProgram
from workbench.replicasets.errors import Unsupported
from workbench.replicasets.values import Gpu

C = TypeVar("C")


def require(engine: Engine, kind: type[C]) -> C:
    """Return the engine as one that has the capability `kind`; raises Unsupported when it has not."""
    capable = engine.capability(kind)
    if capable is None:
        reason = why_not(engine, kind)
        raise Unsupported(f"this engine cannot {PURPOSES[kind]}{f': {reason}' if reason else ''}")
    return capable


def why_not(engine: Engine, kind: type) -> str:
    """Return why the engine has not the capability `kind`, "" when it does not say."""
    giving = engine.capability(GivingReasons)
    return giving.why_not(kind) if giving is not None else ""


def lacking(engine: Engine) -> dict[str, str]:
    """Return what the engine cannot do of what people request, and why ("" when it does not say)."""
    kinds = (kind for kind, others in _REQUESTED.items() if not any(map(engine.capability, (kind, *others))))
    return {PURPOSES[kind]: why_not(engine, kind) for kind in kinds}


@runtime_checkable
class GivingReasons(Protocol):
    """Says why it lacks a capability.

    An implementation owes: a reason is for people, and ends a sentence that begins with what cannot be done.
    """

    def why_not(self, kind: type) -> str:
        """Return why it has not the capability `kind`, "" for no reason to give."""


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
class ListingImages(Protocol):
    """Lists the images that containers can be created from.

    An implementation owes: each image once, with all its names and labels; those without a name too.
    """

    def images(self, label: str) -> list[EngineImage]:
        """Return all images with that label (`name` or `name=value`), "" for all that there are."""


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
class KeepingEdits(Protocol):
    """Keeps what was edited in files of a container that the engine writes anew for each start.

    An implementation owes: the first program of the container finds them already as they were edited, but for
    what they say of the container itself, which is that of the new one.
    """

    def edited_files(self, name: str) -> dict[str, str | None]:
        """Return what was edited since its last start, by path inside; None for what cannot be read, {} for none."""

    def start_edited(self, name: str, files: Mapping[str, str]) -> None:
        """Start it with those texts, as `edited_files` returned them, of itself or of another container."""


@runtime_checkable
class KeepingSecrets(Protocol):
    """Keeps the `secrets` of a spec beside its container, as something that may outlive it.

    An implementation owes: the secrets of a container go when it is removed. Those of one that was not created after
    all, or that was removed past the service, are stray.
    """

    def stray_secrets(self) -> dict[str, str]:
        """Return the names of containers that do not exist and have secrets, and when those were made (ISO 8601)."""

    def remove_secrets(self, container: str) -> None:
        """Remove the secrets of a container, if any."""


@runtime_checkable
class PinningGpus(Protocol):
    """Gives a container the very GPUs that its spec names.

    An implementation owes: the order of `gpus` and their ids stay the same while the machine has
    the same GPUs; a container sees those of its spec and no others, and is not started without them.
    """

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs it can give; raises NotFound or ReplicaSetError when they cannot be listed."""


@runtime_checkable
class CountingGpus(Protocol):
    """Gives a container as many GPUs as its spec names; which ones is known to the engine alone.

    An implementation owes: the ids are numbers from 0, as many as it has GPUs; a container has so many of them to
    itself, or is not started.
    """

    def gpu_places(self) -> tuple[Gpu, ...]:
        """Return a place for each GPU there is; raises ReplicaSetError when they cannot be counted."""


@runtime_checkable
class RunningElsewhere(Protocol):
    """Runs containers on other machines than this one, each set at an address of its own.

    An implementation owes: a reboot of this machine ends none of them. How many CPUs and how much memory there are is
    the engine's to decide when it starts one. At `address` a port has the number that it has inside.
    """

    def address(self, container: str) -> str:
        """Return the host at which the set of a container is reached, from where that is possible."""

    def tunnel_command(self, container: str, port: int) -> str:
        """Return the command by which a person reaches a port of it from elsewhere, at the same port of localhost."""


@runtime_checkable
class ReachingContainers(Protocol):
    """Has an address for each container at which this process reaches all its ports, published or not.

    An implementation owes: no other container has that address while this one runs.
    """

    def reached_at(self, container: str) -> str:
        """Return the address of a running container, "" where it is not reached from here."""


@runtime_checkable
class StartingAfresh(Protocol):
    """Gives each version the disk of its image: what was written elsewhere than in volumes ends with its container.

    An implementation owes: a container that was stopped can be started, and that also begins with its image's disk.
    """

    @property
    def afresh(self) -> str:
        """What a version that follows another is noted to lack, as a sentence."""


@runtime_checkable
class SizingVolumes(Protocol):
    """Has volumes of a size, which it keeps itself; all volumes that hold something have one.

    An implementation owes: a volume is never made smaller. `EngineVolume.size` is its present size.
    """

    def create_sized_volume(self, name: str, size: int, labels: Mapping[str, str]) -> None:
        """Create a volume of so many bytes; one of that name with the same labels may exist."""

    def grow_volume(self, name: str, size: int) -> None:
        """Have the volume hold so many bytes; raises EngineError when it cannot grow."""


@runtime_checkable
class BindingFolders(Protocol):
    """Binds folders of the engine's host, as sources in a spec's binds that `attach_folder` returned.

    An implementation owes: the folder is looked up once, below `root` and without following a link, on the host on
    which containers run; a container that binds the source gets that very folder, whatever is put in the place of
    its path afterwards, for as long as the name is attached. What is written to a bound folder is visible at once
    to the host and to every container that binds it. Attaching a name again attaches it anew; letting go of one
    that is not attached succeeds, and containers that run keep the folder.
    """

    def attach_folder(self, name: str, root: str, path: str) -> str:
        """Return the source of a bind of the folder `path` at or below `root`, "" when it is no such folder.

        Raises Unsupported when that folder cannot be bound safely here.
        """

    def detach_folder(self, name: str) -> None:
        """Let go of the folder that was attached under that name, if any."""

    def attached_folders(self) -> set[str]:
        """Return the names of the folders that are attached."""


@runtime_checkable
class SeparatingNetworks(Protocol):
    """Keeps networks of containers apart.

    An implementation owes: a container reaches no address of a container on another of these networks, and both
    reach what the host reaches; ports are published as they are without such a network.
    """

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a network; one of that name may exist."""

    def separate_networks(self) -> None:
        """Put right what keeps the networks apart, should something else have removed it; raises EngineError."""

    def networks(self, label: str) -> list[str]:
        """Return the names of the networks with that label (`name` or `name=value`)."""

    def remove_network(self, name: str) -> bool:
        """Remove a network; return False when a container is on it, running or not."""


@runtime_checkable
class MountingVolumes(Protocol):
    """Makes volumes of places on this machine, so that a volume driver can limit, grow and shrink them.

    An implementation owes: containers run on this machine; the volume is mounted with `options`
    (type, device, o: as mount(8) takes them) while a container uses it, and not otherwise.
    """

    def create_mounted_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a volume that is mounted with `options`; one of that name with the same labels may exist."""


@runtime_checkable
class Probing(Protocol):
    """Has a program of its own for trials, whatever images there are.

    An implementation owes: in a container of the image, `probe_command` alone sleeps until it is
    killed, and with an argument writes to 160 MiB of memory and ends with 0.
    """

    @property
    def probe_command(self) -> str:
        """The program's path in the image."""

    def make_probe(self, image: str, labels: Mapping[str, str]) -> bool:
        """Make an image of it under that name, with those labels; return whether it runs on the engine's machine."""

    def shares_cgroup(self, name: str) -> bool:
        """Return whether a running container is seen to be in the very cgroup of this process."""


class LogStream(Protocol):
    """What a container wrote: iterate over it for (stream, bytes), stream 1 or 2."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it wrote, oldest first."""

    def close(self) -> None:
        """Have the iteration end, from any thread."""


@runtime_checkable
class ReadingLogs(Protocol):
    """Returns what a container wrote, running or not, for as long as the container exists.

    An implementation owes: every byte in order, and which of the two streams it was written to, unless the container
    has a terminal, which makes one of them. Lines are those of the log, whatever was written without an end of line.
    """

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> LogStream:
        """Return its last `tail` lines, and of them what was written since then (seconds since 1970).

        With `follow` it goes on with what the container writes, until that ends.
        """


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal: its type, as TERM names it, and its size."""

    type: str
    rows: int
    columns: int


class AttachedProgram(RunningProgram, Protocol):
    """A program that is given input. With a terminal all that it writes is of stream 1."""

    def write(self, data: bytes) -> None:
        """Give it input, however long it takes; raises EngineGone when it takes no more."""

    def end_input(self) -> None:
        """Let it find the end of its input; nothing happens on a terminal, where that is a character."""

    def resize(self, rows: int, columns: int) -> None:
        """Give its terminal another size; nothing happens when it has ended."""


@runtime_checkable
class Attaching(Protocol):
    """Runs programs that are given input, on a terminal of theirs or not.

    An implementation owes: what is written arrives whole and in order, no byte of it means anything else; what is not
    read holds the program up, and takes no memory. After `close` nothing waits in a method of the program, from
    whatever thread it was called.
    """

    def attach(self, name: str, command: tuple[str, ...], workdir: str, terminal: Terminal | None) -> AttachedProgram:
        """Start a program in a running container, in the folder `workdir`, "" for the container's own."""


class FileKind(StrEnum):
    """What is at a path: links are followed. `other` are devices, pipes and sockets."""

    NONE = "none"
    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


class FileStream(Protocol):
    """An archive (tar): iterate over it for its pieces."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield its pieces."""

    def close(self) -> None:
        """Have the iteration end, from any thread."""


@runtime_checkable
class CopyingFiles(Protocol):
    """Copies files into and out of running containers.

    An implementation owes: a path is looked up inside the container, whatever links there are and become meanwhile;
    nothing of the host is read or written by it but what the container has mounted, and that as the container may.
    """

    def file_kind(self, name: str, path: str) -> FileKind:
        """Return what is at a path."""

    def files(self, name: str, path: str) -> FileStream:
        """Return the archive of what is at a path: a file, or a folder with all in it, below its own name."""

    def add_files(self, name: str, folder: str, pieces: Iterable[bytes]) -> None:
        """Unpack an archive in a folder; all of it is the user's of the container's main program."""


# Every capability without which something is refused or left out, and how a message names what it is for. The others
# say how an engine differs: CountingGpus, RunningElsewhere, StartingAfresh, SizingVolumes, GivingReasons.
PURPOSES: dict[type, str] = {
    Pausing: "pause containers",
    RecordingDisks: "record the disk of a container as an image",
    ListingImages: "list images",
    CarryingDisks: "give the disk of one container to another",
    RebasingDisks: "give the disk of a container to one of another image",
    MeasuringDisks: "measure disks",
    LiveLimits: "change the limits of a running container",
    RemovingRemains: "remove half-made containers",
    KeepingEdits: "keep what is edited in files of its own",
    KeepingSecrets: "keep variables apart from its images",
    Watching: "report what becomes of its containers",
    PinningGpus: "give chosen GPUs to a container",
    BindingFolders: "bind folders of its host",
    SeparatingNetworks: "keep networks apart",
    ReachingContainers: "lead to ports that are not published",
    MountingVolumes: "use volumes that have a size",
    Probing: "try what sets need",
    ReadingLogs: "return what a container wrote",
    ComparingDisks: "compare disks",
    CopyingFiles: "copy files into and out of containers",
    Attaching: "run programs that are given input",
}
# Those whose lack people notice, and what takes the place of each.
_REQUESTED: dict[type, tuple[type, ...]] = {
    Pausing: (),
    RecordingDisks: (),
    CarryingDisks: (RecordingDisks,),
    RebasingDisks: (),
    ComparingDisks: (),
    LiveLimits: (),
    PinningGpus: (CountingGpus,),
    BindingFolders: (),
    SeparatingNetworks: (),
    MountingVolumes: (SizingVolumes,),
    ReadingLogs: (),
    CopyingFiles: (),
    Attaching: (),
}
