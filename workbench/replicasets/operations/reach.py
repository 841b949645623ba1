"""Where the service itself reaches the IDE of a set, to lead its owner there: below `/s/NAME` of its own address.

docs/access.md has the variables of images that are given here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.replicasets import checks
from workbench.replicasets.engines.capabilities import ReachingContainers, RunningElsewhere
from workbench.replicasets.errors import Conflict, NotFound
from workbench.replicasets.operations.address import token_of, usual_port
from workbench.replicasets.operations.info import record
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, ReplicaSet, State, Version
from workbench.replicasets.world import World
from workbench.tag import TAG_LABEL

# Below it are all sets.
PREFIX = "/s/"
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Upstream:
    """The port of `host` where a set's IDE listens, below `prefix` ("" or "/…"), and the token that it asks for.

    `id` is the set's, which no other set of that name has. `away` is why it may not be reached from here, "" for no
    reason to think so.
    """

    id: str
    host: str
    port: int
    prefix: str = ""
    token: str = ""
    away: str = ""


def may_reach(world: World, name: str, caller: Caller) -> ReplicaSet:
    """See ReplicaSets.may_reach."""
    checks.set_name(name)
    return own_set(world.store, name, caller)


def reach(world: World, name: str, inside: int, caller: Caller) -> Upstream:
    """See ReplicaSets.reach."""
    may_reach(world, name, caller)
    found, version = record(world, name)
    if found.state is not State.RUNNING:
        raise Conflict(
            f"{name} is {found.state}",
            hint=_HINTS.get(found.state, "`rs restart {}`, or Start on the service's page").format(name),
        )
    usual = usual_port(version)
    host, port, away = _place(world, version, inside or usual)
    if inside and inside != usual:
        # What listens there is not what the variables are for.
        return Upstream(found.id, host, port, away=away)
    variables = dict(each.partition("=")[::2] for each in version.env)
    prefix = variables.get("NB_PREFIX", "").strip("/")
    return Upstream(found.id, host, port, f"/{prefix}" if prefix else "", token_of(world, version, caller), away)


_HINTS = {
    State.PAUSED: "`rs continue {}`",
    State.PENDING: "wait: `rs wait {}`",
    State.RESTARTING: "wait: it is started again in a moment",
    State.GONE: "roll back, or delete it",
}


def variables(world: World, version: Version, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables of a new set: where it is reached through the service, images of recipes are told so.

    They go on asking for a token, which the service alone sends: other sets, and other users of the machine, may reach
    the port.
    """
    given = {each.partition("=")[0] for each in version.env}
    if not world.settings.proxied or not labels.get(TAG_LABEL) or given & {"NB_PREFIX", "WORKBENCH_AUTH"}:
        return version.env
    ours = {"NB_PREFIX": PREFIX + version.set, "WORKBENCH_AUTH": "token", "WORKBENCH_HOSTS": "*"}
    if not given & {"WORKBENCH_TOKEN", "JUPYTER_TOKEN"}:
        ours["WORKBENCH_TOKEN"] = secrets.token_urlsafe(32)
    return (*version.env, *(f"{name}={value}" for name, value in ours.items() if name not in given))


def _place(world: World, version: Version, inside: int) -> tuple[str, int, str]:
    """Return host and port, and why they may not be reached from here."""
    published = next((port for port in version.ports if (port.protocol, port.container) == ("tcp", inside)), None)
    elsewhere = world.engine.capability(RunningElsewhere)
    if elsewhere is not None and published is not None:
        return elsewhere.address(version.container), inside, "the service reaches it from inside of the cluster alone"
    reaching = world.engine.capability(ReachingContainers)
    if reaching is not None and (host := reaching.reached_at(version.container)):
        return host, inside, ""
    if published is None:
        raise NotFound(
            f"port {inside} of {version.set} is not published, and is not reached without that here",
            hint=f"`rs patch {version.set} --port {inside}`",
        )
    publish = world.settings.publish
    return _EVERYWHERE.get(publish, publish), published.host, ""
