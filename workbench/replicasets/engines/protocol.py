"""What every engine can do. What only some can do is a capability: see capabilities.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from workbench.replicasets.options import Options
from workbench.replicasets.values import Bind, Port

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ContainerSpec(Options):
    """A container to create. `gpus` are ids of the engine's GPUs; binds of volumes name the engine's volumes.

    `secrets` are variables (NAME=VALUE) too, which only its processes are given: they are in no image of its disk.
    `network` is one that SeparatingNetworks created, "" for the engine's own. `private` are the names of labels whose
    values hold secrets too.
    """

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    network: str = ""
    gpus: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()
    ports: tuple[Port, ...] = ()
    publish: str = "127.0.0.1"
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the engine reports it; `state` is created, running, paused or exited (others as it writes them).

    One that was started where starting takes its time is `pending` until it runs, and `unplaced` while there is no
    place for it. `started` is whether it was ever started, `out_of_memory` whether it was ended for the memory that it
    took (the engine may know that of one container only, and not in a list). `reason` is why it is pending, or why it
    ended, in the engine's own words.
    """

    id: str
    name: str
    state: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    started: bool = False
    out_of_memory: bool = False
    reason: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether it was started and has no processes yet."""
        return self.state in ("pending", "unplaced")

    @property
    def is_alive(self) -> bool:
        """Whether it has processes, frozen or not."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image: its id, its labels, and how many layers it has."""

    id: str
    names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class EngineVolume:
    """A volume as the engine knows it; `size` 0: it does not say."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    size: int = 0


class RunningProgram(Protocol):
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
    """Runs containers from images, with volumes of its own.

    An implementation owes: every method has done its work when it returns, or raises
    EngineError (the engine refused, nothing changed) or EngineGone (no response in time: it may have
    happened, or may yet). A request for what is so already (start a running container, stop a
    stopped one, remove one that does not exist) succeeds. A container gets the GPUs that its spec
    names or is not started. A stopped container keeps its disk until it is removed; the disk of one
    that was never started is its image's. Every method may be called from any thread. `capability`
    returns what else it can do; it is never given a spec that needs a capability it does not have.
    """

    def capability(self, kind: type[C]) -> C | None:
        """Return this engine as a `kind` (a Protocol of capabilities.py), None when it is none."""

    def check(self) -> None:
        """Raise EngineGone or EngineError, with the reason, when it cannot be used."""

    def close(self) -> None:
        """Close the connections to it."""

    def logs_command(self, name: str) -> str:
        """Return the command by which a person reads what a container wrote."""

    def pull_command(self, image: str) -> str:
        """Return the command by which a person gives the engine an image of a registry."""

    def create(self, spec: ContainerSpec) -> str:
        """Create the container and return its id."""

    def start(self, name: str) -> None:
        """Start it."""

    def stop(self, name: str, seconds: int) -> None:
        """Ask it to end, and make it end after so many seconds; a paused one is resumed first. 0: at once."""

    def remove(self, name: str) -> None:
        """Remove it with its disk, running or not."""

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none."""

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label (`name` or `name=value`)."""

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what a container wrote last, at most so many lines, oldest first; both streams."""

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> RunningProgram:
        """Start a program in a running container."""

    def image(self, name: str) -> EngineImage | None:
        """Return the image of exactly that full name or id, None when no container can be created from it.

        A name has its registry and its tag or digest; no part of an id, and no pattern, stands for an image.
        """

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume; one of that name with the same labels may exist."""

    def volume(self, name: str) -> EngineVolume | None:
        """Return the volume of that name, None for none."""

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all volumes with that label."""

    def remove_volume(self, name: str) -> None:
        """Remove the volume of exactly that name with what is in it; refused while a container uses it."""


class EngineService(Protocol):
    """An engine's API that we start ourselves, on this machine.

    An implementation owes: after `ensure` returns, an engine opened at `address` is answered;
    `ensure` may be called again at any time, from any thread, and starts the API anew when it has
    ended. Containers outlive it.
    """

    @property
    def address(self) -> str:
        """Where its API listens, as `open_engine` reads it."""

    @property
    def log(self) -> str:
        """The file of its log."""

    def ensure(self) -> None:
        """Start the API unless it runs; raises WorkbenchError when it does not come up."""

    def close(self) -> None:
        """End the API. Containers run on."""
