"""What callers request of a set: one value an operation, from the API or a program down to the operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.replicasets.engines.capabilities import Terminal
from workbench.replicasets.options import OptionsRequest
from workbench.replicasets.values import Bind


@dataclass(frozen=True, slots=True)
class RunRequest(OptionsRequest):
    """A new set.

    `gpus` is a number of GPUs. `binds` are folders below the allowed roots, or volumes; `env` NAME=VALUE texts;
    `ports` container ports (`80`, `53/udp`), each of which gets a port of the host.
    """

    image: str
    name: str
    gpus: int = 0
    binds: Sequence[Bind] = ()
    env: Sequence[str] = ()
    command: Sequence[str] = ()
    ports: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PatchRequest(OptionsRequest):
    """What is to change of a set, None for what stays; with nothing at all it is made anew as it is.

    `binds` are pairs (old, new). `ports` are all the container ports it is to have: those it has keep their host
    ports.
    """

    gpus: int | None = None
    binds: Sequence[tuple[Bind, Bind]] = ()
    ports: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """A newer image for a set, "" for the one of its recipe with the newest date.

    `keep` is what stands where the set and the image both changed something: `mine`, `image`, "" to refuse then.
    """

    image: str = ""
    keep: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ExecuteRequest:
    """A program to run in a set: it is ended after so many `seconds`, or when it wrote more than `max_bytes`."""

    command: Sequence[str]
    workdir: str = "/"
    seconds: float = 60
    max_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class AttachRequest:
    """A program to run with a client's input: no command for a shell, `workdir` "" for the image's own."""

    command: Sequence[str] = ()
    workdir: str = ""
    terminal: Terminal | None = None


@dataclass(frozen=True, slots=True)
class LogsRequest:
    """What to return of what a version wrote: the last `tail` lines of it, and of them what is not older than `since`.

    `version` 0 is the current one. `since` is `10m` (ago) or a time in ISO 8601, "" for any. `follow` goes on with what
    is written, until the container ends.
    """

    tail: int = 1000
    since: str = ""
    version: int = 0
    follow: bool = False
    max_bytes: int = 64 << 20
