"""What an engine is, whoever runs the containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.replicasets.options import Options
from workbench.replicasets.values import Bind, Port


@dataclass(frozen=True, slots=True)
class Spec(Options):
    """A container to create. `gpus` are CDI names with their kind; volume binds name engine volumes."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()
    ports: tuple[Port, ...] = ()
    publish: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of a container; `state` is created, running, paused or exited (others as it writes them).

    `upper` is the folder of what it changed on its image, "" when the engine does not say.
    """

    id: str
    name: str
    state: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    upper: str = ""
    pid: int = 0
    started: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it has processes, frozen or not."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its id, its labels, and how many layers it has."""

    id: str
    names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class EngineVolume:
    """A volume as the engine knows it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


class Running(Protocol):
    """A program that runs in a container: iterate over it for (stream, bytes), stream 1 or 2."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes, as it writes it."""

    def exit_code(self) -> int:
        """Return its exit code; it must have ended."""

    def kill(self) -> None:
        """End it and all that it started. Nothing happens when it has ended."""

    def close(self) -> None:
        """Stop listening to it."""


class Engine(Protocol):
    """Runs containers.

    An implementation owes: every method either did what it says when it returns, or raises
    EngineError (the engine said no, nothing changed) or EngineGone (no answer in time: it may have
    happened, or may yet). Asking for what is so already (start what runs, stop what stands, remove
    what is not there) succeeds. A container gets the GPUs that it asks for or is not started. The
    disk of a container that was created and never started is its image's; `commit` and `carry` take
    a disk whole: deletions, hard links, owners, modes, links, pipes, sparse files. Every method may be
    called from any thread.
    """

    def check(self) -> None:
        """Raise EngineGone or EngineError when it cannot be worked with, saying why."""

    def create(self, spec: Spec) -> str:
        """Create the container and return its id."""

    def start(self, name: str) -> None:
        """Start it."""

    def pause(self, name: str) -> None:
        """Freeze its processes."""

    def unpause(self, name: str) -> None:
        """Let its processes go on."""

    def stop(self, name: str, seconds: int) -> None:
        """Ask it to end, and make it end after so many seconds; frozen ones are let go on first. 0: at once."""

    def remove(self, name: str) -> None:
        """Remove it with its disk, running or not."""

    def update(self, name: str, cpus: int, memory: int) -> None:
        """Set the limits of a running container, until it stops."""

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none."""

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label (`name` or `name=value`); without `upper` and `pid`."""

    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Record the disk of a container as an image of that name, with those labels too; return its id."""

    def can_carry(self, source: Container) -> bool:
        """Return whether `carry` works from here for that container."""

    def carry(self, source: str, target: str) -> None:
        """Give a created container of the same image the disk of `source`, which must not be running.

        Nothing is copied when the disks are equal already. When it returns they are.
        """

    def container_size(self, name: str) -> int:
        """Return the bytes of what a container changed on its image."""

    def image_size(self, name: str) -> int:
        """Return the bytes of an image that no other image has, 0 for none of that name."""

    def image(self, name: str) -> Image | None:
        """Return the image of that name or id, None for none."""

    def images(self, label: str) -> list[Image]:
        """Return all images with that label."""

    def remove_image(self, name: str) -> None:
        """Take the name from an image, and remove it when it has no other."""

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> Running:
        """Start a program in a running container."""

    def create_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a volume; one of that name with the same labels may be there."""

    def volume(self, name: str) -> EngineVolume | None:
        """Return the volume of that name, None for none."""

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all volumes with that label."""

    def remove_volume(self, name: str) -> None:
        """Remove a volume with what is in it; refused while a container uses it."""
