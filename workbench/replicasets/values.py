"""What replica sets are made of. All are frozen, and all of their fields survive a way through JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from workbench.replicasets.options import Options


class State(StrEnum):
    """What a set is doing, as far as it was last looked at.

    `stopped`: it was stopped; `exited`: its main program ended, or was killed; `gone`: its container was removed
    past the service; `restarting`: it ended, and is started again after a moment; `pending`: it was started, and the
    engine has not brought it up yet.
    """

    RUNNING = "running"
    PENDING = "pending"
    PAUSED = "paused"
    STOPPED = "stopped"
    EXITED = "exited"
    GONE = "gone"
    RESTARTING = "restarting"

    @property
    def holds(self) -> bool:
        """Whether such a set holds GPUs, CPUs and memory; others hold their name and ports only."""
        return self in (State.RUNNING, State.PENDING, State.PAUSED, State.RESTARTING)


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder of the host (an absolute path below an allowed root) or a volume (its name) at `dest` inside."""

    src: str
    dest: str
    read_only: bool = False
    # How `src` was written, where that differs: with a link, or with a volume's version.
    given: str = field(default="", compare=False)

    @property
    def is_volume(self) -> bool:
        """Whether `src` names a volume."""
        return not self.src.startswith("/")


@dataclass(frozen=True, slots=True)
class Port:
    """A port inside and the host's port that leads to it; `host` 0: not given yet."""

    container: int
    host: int = 0
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of this machine: the name it is requested by, and all the names that its CDI spec gives it."""

    id: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version(Options):
    """A numbered version of a set: what its container was made with, and where its system disk is.

    `image` is what its container was made from, by its name, `image_id` by its id. `disk` is the image
    that its system disk was recorded in, "" when the stopped container itself is the record (or it still
    is the current one).
    `origin` is the version whose system disk it began with, 0 for a fresh one. `notes` say what of that one it has not.
    """

    set: str
    id: str
    number: int
    created: str
    image: str
    gpus: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()
    env: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    origin: int = 0
    disk: str = ""
    owner: str = ""
    image_id: str = ""
    notes: tuple[str, ...] = ()

    @property
    def container(self) -> str:
        """The name of its container."""
        return f"{self.set}-{self.number}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How the current container of a set ended by itself: when, with which exit code (None: not known), and why.

    `restarts` is how often it was started again since it last ran for long; `start` is when that is done, or was.
    Times are ISO 8601.
    """

    at: str
    code: int | None = None
    reason: str = ""
    restarts: int = 0
    start: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """A set: its name, an id that no other set ever had (fault B4), and which version is the current one.

    `ending` is how its container ended last, None when it was not by itself. `waiting` is why it is pending.
    """

    name: str
    id: str
    created: str
    current: int
    state: State = State.RUNNING
    owner: str = ""
    ending: Ending | None = None
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; every resize gives it a new `version`, never a new place. `size` 0: no limit."""

    name: str
    id: str
    driver: str
    size: int
    version: int
    created: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something of the machine that a set holds, for some of its versions (two while one replaces the other).

    `kind` is gpu, port, share or set; `name` the GPU's id, the port's number, and so on. Only a
    share has `cpus` and `memory`.
    """

    kind: str
    name: str
    set: str
    id: str
    versions: tuple[int, ...]
    owner: str = ""
    cpus: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that one owner may hold; None: no limit. `memory` and `disk` (the sizes of its volumes) are bytes."""

    sets: int | None = None
    gpus: int | None = None
    memory: int | None = None
    volumes: int | None = None
    disk: int | None = None


class Role(StrEnum):
    """`read` looks at all sets, `operate` sees and changes what is its own, `admin` what is anybody's."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


def no_limits(_owner: str) -> Quota:
    """Return the quota of an owner where there are none."""
    return Quota()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who requests an operation: the name that will own what is made, the role, and the quotas that count.

    `quota_of` returns the quota of any owner: what an administrator changes counts as its owner's. `sees_all` is
    whether one of the role operate sees what is others' too.
    """

    name: str
    role: Role = Role.OPERATE
    quota_of: Callable[[str], Quota] = no_limits
    sees_all: bool = False

    @property
    def quota(self) -> Quota:
        """What the caller may hold."""
        return self.quota_of(self.name)

    @property
    def may_see_all(self) -> bool:
        """Whether the caller may know of everybody's sets, volumes and images."""
        return self.sees_all or self.role is not Role.OPERATE

    def may_see(self, owner: str) -> bool:
        """Return whether the caller may know of what belongs to `owner`: for others it is as if it were not there."""
        return self.may_see_all or self.may_change(owner)

    def may_change(self, owner: str) -> bool:
        """Return whether the caller may change what belongs to `owner`.

        What has no owner was made by the service itself, or before there were owners: it is an administrator's.
        """
        return self.role is Role.ADMIN or (self.role is Role.OPERATE and owner != "" and owner == self.name)


# The program itself, without a client: what it makes has no owner.
SYSTEM = Caller("", Role.ADMIN)
