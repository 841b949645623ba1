"""Whether a set is what somebody waits for, or will never be by itself."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from enum import StrEnum

from workbench.replicasets.operations.info import Progress
from workbench.replicasets.values import ReplicaSet, State, Version

# How long a program has to accept a connection, and how long to close one that it does not want.
_CONNECT_SECONDS = 2.0
_REFUSE_SECONDS = 0.2
_ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class Goal(StrEnum):
    """What to wait for: `ready` is running, with something that accepts connections behind each TCP port."""

    RUNNING = "running"
    READY = "ready"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether it `holds`, or will `never` hold unless somebody does something; else not yet. `reason` says why not."""

    holds: bool = False
    never: bool = False
    reason: str = ""


_ENDED = (State.STOPPED, State.EXITED, State.GONE)


def outcome(found: ReplicaSet, doing: Progress | None, goal: Goal) -> Outcome:
    """Return how a set stands to a goal, as far as it is recorded: `ready` is no more than running."""
    if doing is not None:
        return Outcome(reason=f"{found.name} is at {doing.operation} {doing.at}/{len(doing.steps)} {doing.step}")
    is_ended, state = found.state in _ENDED, found.state.value
    if is_ended if goal is Goal.STOPPED else found.state is State.RUNNING:
        return Outcome(holds=True)
    if found.state is State.PENDING and found.waiting:
        return Outcome(reason=f"{found.name} is pending: {found.waiting}")
    if found.state is State.PAUSED:
        return Outcome(never=True, reason=f"{found.name} is paused, until `rs continue {found.name}`")
    if is_ended:
        advice = "rs rollback" if found.state is State.GONE else "rs restart"
        code = found.ending.code if found.ending and found.state is State.EXITED else None
        ended = state if code is None else f"{state} with code {code}"
        return Outcome(never=True, reason=f"{found.name} is {ended}, until `{advice} {found.name}`")
    return Outcome(reason=f"{found.name} is {state}")


def closed_ports(version: Version, publish: str) -> list[int]:
    """Return the TCP ports inside behind which nothing accepts connections yet.

    A connection is made to the host's port of each. What forwards ports may accept it and then find nobody inside: it
    is closed again at once.
    """
    ports = [port for port in version.ports if port.protocol == "tcp" and port.host]
    return [port.container for port in ports if not _accepts(_ANYWHERE.get(publish, publish), port.host)]


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS) as made:
            if not select.select([made], [], [], _REFUSE_SECONDS)[0]:
                return True
            # Some programs speak first.
            return made.recv(1) != b""
    except OSError:
        return False
