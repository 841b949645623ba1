"""Changing a set: GPUs, binds, ports make a next version; limits alone change the running one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.replicasets import checks, claims, containers
from workbench.replicasets.amendments import amend
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import LiveLimits, require
from workbench.replicasets.errors import Invalid
from workbench.replicasets.operations.replace import next_version, replace_version
from workbench.replicasets.records import find_version, put_version, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, Bind, Port, Quota, State, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class Patch:
    """What is to change, None for what stays. `binds` are pairs (old, new); all None makes the version anew.

    `ports` are all the container ports it shall have: those it has keep their host ports.
    """

    gpus: int | None = None
    binds: tuple[tuple[Bind, Bind], ...] = ()
    cpus: float | None = None
    memory: str | None = None
    ports: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Limiting:
    """The plan of a change of limits alone."""

    old: Version
    new: Version


def _write(world: World, plan: Limiting) -> None:
    amend(world, plan.new, containers.mine(world, plan.old))


def _unwrite(world: World, plan: Limiting) -> None:
    amend(world, plan.old, containers.mine(world, plan.old))


def _limit(world: World, plan: Limiting) -> None:
    require(world.engine, LiveLimits).set_limits(plan.old.container, plan.new.cpus, plan.new.memory)


def _unlimit(world: World, plan: Limiting) -> None:
    found = containers.mine(world, plan.old)
    if found is not None and found.is_alive:
        require(world.engine, LiveLimits).set_limits(plan.old.container, plan.old.cpus, plan.old.memory)


def _undone(world: World, plan: Limiting) -> Changes:
    return claims.share(claims.held(world.store), plan.old)


def _done(world: World, plan: Limiting) -> Changes:
    return claims.share(claims.held(world.store), plan.new) | put_version(plan.new)


LIMIT = saga(
    Saga(
        "limit",
        Limiting,
        (Step("limit", _limit, _unlimit), Step("write down", _write, _unwrite)),
        point=2,
        undone=_undone,
        done=_done,
    )
)


def patch(world: World, name: str, wanted: Patch, quota: Quota | None = None, actor: Actor | None = None) -> Version:
    """See ReplicaSets.patch."""
    checks.set_name(name)
    gpus = None if wanted.gpus is None else checks.count(wanted.gpus)
    cpus = None if wanted.cpus is None else checks.thousandths(wanted.cpus)
    memory = None if wanted.memory is None else checks.memory(wanted.memory)
    ports = None if wanted.ports is None else checks.container_ports(wanted.ports)
    with alone(world, set_journal(name)):
        current = own_set(world.store, name, actor)
        old = find_version(world.store, current, current.current)
        changed = replace(old, cpus=old.cpus if cpus is None else cpus, memory=old.memory if memory is None else memory)
        live = gpus is None and not wanted.binds and ports is None and changed != old
        live = live and world.engine.capability(LiveLimits) is not None
        found = containers.mine(world, old)
        if live and current.state is State.RUNNING and found is not None and found.state == "running":
            return _limits(world, old, changed, quota)
        if wanted.binds:
            changed = replace(changed, binds=_rebound(old.binds, wanted.binds, world.settings.roots))
        if ports is not None:
            changed = replace(changed, ports=_same_numbers(old.ports, ports))
        new = next_version(world, current, changed, old.number)
        return replace_version(world, current, new, len(old.gpus) if gpus is None else gpus, old, quota, actor)


def _limits(world: World, old: Version, new: Version, quota: Quota | None) -> Version:
    def prepare() -> tuple[Limiting, Changes]:
        held = claims.held(world.store)
        return Limiting(old, new), claims.share(held, new, world.machine(False), quota, besides=old)

    return carry_out(world, LIMIT, set_journal(old.set), prepare).new


def _rebound(binds: Sequence[Bind], swaps: Sequence[tuple[Bind, Bind]], roots: Sequence[str]) -> tuple[Bind, ...]:
    """Return the binds with each old one replaced; raises Invalid for an old one that is not there (fault B14)."""
    found = list(binds)
    for old, new in swaps:
        if not (old.src and old.dest and new.src and new.dest):
            raise Invalid("a bind needs src and dest", Code.BODY)
        (checked,) = checks.binds([new], roots)
        there = [bind for bind in found if (bind.src, bind.dest) in _spellings(old)]
        if not there:
            listed = ", ".join(f"{bind.src}:{bind.dest}" for bind in binds) or "none"
            raise Invalid(f"it has no bind {old.src[:60]}:{old.dest[:60]}", hint=f"it has {listed}")
        found[found.index(there[0])] = checked
    return checks.binds(found, roots)


def _spellings(bind: Bind) -> set[tuple[str, str]]:
    import os.path

    dest = bind.dest.rstrip("/")
    return {(bind.src, dest), (os.path.realpath(bind.src) if not bind.is_volume else bind.src.partition("-")[0], dest)}


def _same_numbers(old: Sequence[Port], new: Sequence[Port]) -> tuple[Port, ...]:
    known = {(port.container, port.protocol): port for port in old}
    return tuple(known.get((port.container, port.protocol), port) for port in new)
