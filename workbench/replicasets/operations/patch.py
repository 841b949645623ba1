"""Changing a set: GPUs, binds, ports make a next version; live options alone change the running one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.replicasets import checks, claims, containers
from workbench.replicasets.amendments import limits, record_options
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import LiveLimits, require
from workbench.replicasets.errors import Invalid, about
from workbench.replicasets.operations.replace import next_version, replace_version
from workbench.replicasets.options import only_live, parsed
from workbench.replicasets.records import find_version, put_version, set_journal
from workbench.replicasets.requests import PatchRequest
from workbench.replicasets.rights import own_set
from workbench.replicasets.roots import without_links
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Bind, Caller, Port, Quota, State, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class LimitPlan:
    """The plan of a change of live options alone."""

    old: Version
    new: Version


def _write(world: World, plan: LimitPlan) -> None:
    record_options(world, plan.new, containers.look_up(world, plan.old))


def _unwrite(world: World, plan: LimitPlan) -> None:
    record_options(world, plan.old, containers.look_up(world, plan.old))


def _limit(world: World, plan: LimitPlan) -> None:
    if limits(plan.old) == limits(plan.new):
        return
    require(world.engine, LiveLimits).set_limits(plan.old.container, plan.new.cpus, plan.new.memory)


def _unlimit(world: World, plan: LimitPlan) -> None:
    found = containers.look_up(world, plan.old)
    if found is not None and found.is_alive and limits(plan.old) != limits(plan.new):
        require(world.engine, LiveLimits).set_limits(plan.old.container, plan.old.cpus, plan.old.memory)


def _undone(world: World, plan: LimitPlan) -> Changes:
    return claims.share(claims.read_ledger(world.store), plan.old)


def _done(world: World, plan: LimitPlan) -> Changes:
    return claims.share(claims.read_ledger(world.store), plan.new) | put_version(plan.new)


LIMIT = saga(
    Saga(
        "limit",
        LimitPlan,
        (SagaStep("limit", _limit, _unlimit, running=True), SagaStep("write down", _write, _unwrite)),
        point=2,
        undone=_undone,
        done=_done,
    )
)


def patch(world: World, name: str, request: PatchRequest, caller: Caller, grace: int | None = None) -> Version:
    """See ReplicaSets.patch."""
    checks.set_name(name)
    with about("gpus"):
        gpus = None if request.gpus is None else checks.count(request.gpus)
    options = parsed(request)
    with about("ports"):
        ports = None if request.ports is None else checks.container_ports(request.ports)
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        old = find_version(world.store, current, current.current)
        changed = replace(old, **options)
        live = gpus is None and not request.binds and ports is None and only_live(old, changed)
        live = live and (limits(old) == limits(changed) or world.engine.capability(LiveLimits) is not None)
        found = containers.look_up(world, old)
        if live and current.state is State.RUNNING and found is not None and found.state == "running":
            return _limits(world, old, changed, caller.quota_of(current.owner))
        if request.binds:
            changed = replace(changed, binds=_rebound(old.binds, request.binds, world.settings.roots))
        if ports is not None:
            changed = replace(changed, ports=_same_numbers(old.ports, ports))
        new = next_version(world, current, changed, old.number)
        count = len(old.gpus) if gpus is None else gpus
        grace = options.get("grace", grace)
        return replace_version(world, current, new, count, old, caller, grace)


def restart(world: World, name: str, caller: Caller, grace: int | None) -> Version:
    """See ReplicaSets.restart. It is a patch of nothing: the same again, with its disk, and GPUs claimed afresh."""
    return patch(world, name, PatchRequest(), caller, checks.grace(grace))


def _limits(world: World, old: Version, new: Version, quota: Quota) -> Version:
    def prepare() -> tuple[LimitPlan, Changes]:
        ledger = claims.read_ledger(world.store)
        return LimitPlan(old, new), claims.share(ledger, new, world.machine(False), quota, besides=old)

    return carry_out(world, LIMIT, set_journal(old.set), prepare).new


def _rebound(binds: Sequence[Bind], swaps: Sequence[tuple[Bind, Bind]], roots: Sequence[str]) -> tuple[Bind, ...]:
    """Return the binds with each old one replaced; raises Invalid when the set has no such bind (fault B14)."""
    found = list(binds)
    for old, new in swaps:
        if not (old.src and old.dest and new.src and new.dest):
            raise Invalid("a bind needs src and dest", Code.BODY)
        (checked,) = checks.binds([new], roots)
        matching = [bind for bind in found if {(bind.src, bind.dest), (bind.given, bind.dest)} & _spellings(old)]
        if not matching:
            listed = ", ".join(f"{bind.src}:{bind.dest}" for bind in binds) or "none"
            raise Invalid(f"it has no bind {old.src[:60]}:{old.dest[:60]}", hint=f"it has {listed}")
        found[found.index(matching[0])] = checked
    return checks.binds(found, roots)


def _spellings(bind: Bind) -> set[tuple[str, str]]:
    dest = bind.dest.rstrip("/")
    return {(bind.src, dest), (without_links(bind.src) if not bind.is_volume else bind.src.partition("-")[0], dest)}


def _same_numbers(old: Sequence[Port], new: Sequence[Port]) -> tuple[Port, ...]:
    existing = {(port.container, port.protocol): port for port in old}
    return tuple(existing.get((port.container, port.protocol), port) for port in new)
