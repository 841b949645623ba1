"""The options of a set: what its containers are made with beside the image, GPUs, binds and ports.

A new option is a field of `Options`, one of `OptionsRequest` and an entry of `OPTIONS`, all in this file.
From these come the bodies of `run` and `patch`, what a version records, the lists and records that the service
returns, and the flags of `rs run` and `rs patch`. Only the engines translate it themselves: the container to
create has all `Options` among its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from workbench.replicasets.errors import about
from workbench.replicasets.quantities import POLICIES, grace, memory, policy, shm, size_text, thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options as they are recorded: `cpus` in thousandths, `memory` in bytes; 0 is no limit.

    `restart` is what happens when the main program ends by itself. `grace` is how many seconds it has after SIGTERM.
    `shm` is the size of /dev/shm in bytes, 0 for half of the memory.
    """

    cpus: int = 0
    memory: int = 0
    restart: str = "no"
    grace: int = 10
    shm: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsRequest:
    """The options as clients write them; None is the default of a new set, or what the set has already."""

    cpus: float | None = None
    memory: str | None = None
    restart: str | None = None
    grace: int | None = None
    shm: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names, its type in requests, and how that becomes the recorded value and back.

    `patch` is the object of a patch that changes it, and the key in there. `docker` is its name in Docker's
    HostConfig, with `docker_units` of Docker's in one of ours. A `live` one changes while the container runs, by
    the engine's update or by being recorded; for others the set gets a new version. `docker_key` is the key of its
    value where Docker has an object. `choices` are all that it can be.
    """

    name: str
    type: type
    default: Any
    examples: tuple[Any, ...]
    patch: tuple[str, str]
    patch_doc: str
    parse: Callable[[Any], Any]
    text: Callable[[Any], Any]
    docker: str
    metavar: str
    help: str
    title: str
    docker_units: int = 1
    docker_key: str = ""
    live: bool = False
    body: str = ""
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in the body of `run` and in lists."""
        return self.body or self.name

    def in_docker(self, value: Any) -> Any:  # noqa: ANN401
        """Return a recorded value as Docker's HostConfig has it."""
        amount = value * self.docker_units if self.docker_units > 1 else value
        return {self.docker_key: amount} if self.docker_key else amount

    def shown(self, amount: Any) -> str:  # noqa: ANN401
        """Return how people write what Docker's HostConfig has; "" for none."""
        amount = amount[self.docker_key] if self.docker_key and amount else amount
        text = self.text(amount // self.docker_units if self.docker_units > 1 else amount)
        return f"{text:g}" if isinstance(text, float) and text else str(text or "")

    @property
    def flag(self) -> str:
        """Its flag on the command line."""
        return f"--{self.name.replace('_', '-')}"


OPTIONS = (
    Option(
        name="cpus",
        type=float,
        default=0,
        examples=(),
        patch=("cpuPatch", "cpuCount"),
        patch_doc="How many CPUs it may use; 0 for no limit.",
        parse=thousandths,
        text=lambda value: value / 1000,
        docker="NanoCpus",
        docker_units=1_000_000,
        metavar="N",
        help="at most so many",
        title="CPUs",
        live=True,
    ),
    Option(
        name="memory",
        type=str,
        default="",
        examples=("4GB",),
        patch=("memoryPatch", "memory"),
        patch_doc='How much memory it may use; "" for no limit.',
        parse=memory,
        text=size_text,
        docker="Memory",
        metavar="SIZE",
        help="at most so much: 8GB",
        title="memory",
        live=True,
    ),
    Option(
        name="restart",
        type=str,
        default="no",
        examples=("on-failure",),
        patch=("restartPatch", "restart"),
        patch_doc="What happens when its main program ends by itself: no, on-failure (ended with an error), always.",
        parse=policy,
        text=lambda value: value,
        docker="RestartPolicy",
        docker_key="Name",
        metavar="POLICY",
        help="when its main program ends by itself, start it again: no (default), on-failure, always",
        title="restart",
        live=True,
        choices=POLICIES,
    ),
    Option(
        name="grace",
        type=int,
        default=None,
        examples=(30,),
        patch=("gracePatch", "seconds"),
        patch_doc="How many seconds its main program has to end after SIGTERM.",
        parse=grace,
        text=lambda value: value,
        docker="StopTimeout",
        metavar="SECONDS",
        help="how long its main program may take to end after SIGTERM; default 10",
        title="grace",
        live=True,
    ),
    Option(
        name="shm",
        type=str,
        default="",
        examples=("1GB",),
        patch=("shmPatch", "size"),
        patch_doc='The size of /dev/shm; "" for half of its memory.',
        parse=shm,
        text=size_text,
        docker="ShmSize",
        metavar="SIZE",
        help="size of /dev/shm: 2GB; default: half of its memory limit, else of the machine's memory",
        title="/dev/shm",
        body="shmSize",
    ),
)
LIVE = tuple(option.name for option in OPTIONS if option.live)


def recorded(value: Options) -> dict[str, Any]:
    """Return the options of a version, by name."""
    return {field.name: getattr(value, field.name) for field in fields(Options)}


def parsed(request: OptionsRequest) -> dict[str, Any]:
    """Return the options that are in `request`, by name, as they are recorded; raises Invalid."""
    found: dict[str, Any] = {}
    for option in OPTIONS:
        value = getattr(request, option.name)
        if value is not None:
            with about(option.name):
                found[option.name] = option.parse(value)
    return found


def only_live(old: Options, new: Options) -> bool:
    """Return whether the options differ, and all that differ can change while the container runs."""
    changed = [option for option in OPTIONS if getattr(old, option.name) != getattr(new, option.name)]
    return bool(changed) and all(option.live for option in changed)
