"""Where the IDE of a set is opened: the host's port, its prefix, and the token that it asks for.

docs/access.md says which variables decide, and that a token which was not given is printed in the log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from workbench.replicasets import checks
from workbench.replicasets.engines.capabilities import RunningElsewhere
from workbench.replicasets.errors import Conflict, Invalid, NotFound, ReplicaSetError
from workbench.replicasets.operations.info import record
from workbench.replicasets.operations.logs import MOST_BYTES, MOST_LINES, logs
from workbench.replicasets.requests import LogsRequest
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, Port, State, Version
from workbench.replicasets.world import World

# Where images of recipes listen.
_USUAL = 8888
# A token is what an address may hold as it is. The program chose it, and may write whatever it likes.
_PRINTED = re.compile(rb"[?&]token=([A-Za-z0-9._~-]{8,256})(?![^\s\"'])")
_OVERLAP = 512


@dataclass(frozen=True, slots=True)
class Address:
    """The port of the host at `host`, the path, and the token, "" when the IDE asks for none that is known.

    `tunnel` is the command that makes the port one of the machine it is given on, "" where that is not needed.
    """

    host: str
    port: int
    path: str
    token: str
    tunnel: str = ""


def address(world: World, name: str, inside: int, caller: Caller) -> Address:
    """See ReplicaSets.address."""
    checks.set_name(name)
    own_set(world.store, name, caller)
    found, version = record(world, name)
    if found.state is not State.RUNNING:
        raise Conflict(f"{name} is {found.state}", hint=f"`rs continue` or `rs restart {name}`")
    port = _port(version, inside)
    variables = dict(each.partition("=")[::2] for each in version.env)
    prefix = "/" + variables.get("NB_PREFIX", "").strip("/")
    token = token_of(world, version, caller)
    elsewhere = world.engine.capability(RunningElsewhere)
    host = world.settings.publish if elsewhere is None else elsewhere.address(version.container)
    number = port.host if elsewhere is None else port.container
    tunnel = "" if elsewhere is None else elsewhere.tunnel_command(version.container, number)
    return Address(host, number, prefix.rstrip("/") + "/", token, tunnel)


def token_of(world: World, version: Version, caller: Caller) -> str:
    """Return the token that the IDE of a current version asks for, "" when it asks for none that is known."""
    token = _given(dict(each.partition("=")[::2] for each in version.env))
    return _printed(world, version.set, caller) if token is None else token


def _port(version: Version, inside: int) -> Port:
    ports = [port for port in version.ports if port.protocol == "tcp"]
    if not ports:
        raise NotFound(f"{version.set} has no published port", hint=f"`rs patch {version.set} --port {_USUAL}`")
    wanted = inside or usual_port(version)
    for port in ports:
        if port.container == wanted:
            return port
    known = ", ".join(str(port.container) for port in ports)
    raise Invalid(f"{version.set} does not publish port {wanted}", hint=f"choose one of them by --port: {known}")


def usual_port(version: Version) -> int:
    """Return the port inside at which the IDE of a version is: the only one that is published, or the usual one."""
    ports = [port.container for port in version.ports if port.protocol == "tcp"]
    return ports[0] if len(ports) == 1 else _USUAL


def _given(variables: Mapping[str, str]) -> str | None:
    """Return the token that the variables give, "" when they say that there is none; None when it is printed."""
    way = variables.get("WORKBENCH_AUTH", "")
    token = variables.get("WORKBENCH_TOKEN", "") or variables.get("JUPYTER_TOKEN", "")
    if way == "platform" or "JUPYTERHUB_API_TOKEN" in variables:
        return ""
    if token:
        return token
    return "" if variables.get("NB_PREFIX", "").strip("/") and way != "token" else None


def _printed(world: World, name: str, caller: Caller) -> str:
    """Return the token that was printed last, "" for none: each start may make another one."""
    last, rest = b"", b""
    try:
        with closing(logs(world, name, LogsRequest(MOST_LINES, max_bytes=MOST_BYTES), caller)) as found:
            for _, piece in found:
                text = rest + piece
                for match in _PRINTED.finditer(text):
                    last = match[1]
                rest = text[-_OVERLAP:]
    except ReplicaSetError:
        return ""  # the address is of use without it
    return last.decode()
