"""Stopping, pausing and continuing a set: what happens to the current version's container in its place.

A stopped set's GPUs, CPUs and memory are free for others, its disk and its ports are kept. A paused one keeps
all that it has. What ended by itself is like what was stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.replicasets import checks, claims, containers, folders
from workbench.replicasets.engines.capabilities import Pausing, require
from workbench.replicasets.errors import Conflict
from workbench.replicasets.records import find_version, put_set, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, overriding, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, ReplicaSet, State, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class StatePlan:
    """The plan of what happens to the current version's container in its place; `grace` is for one that is ended."""

    set: ReplicaSet
    version: Version
    grace: int = 0


def _end(world: World, plan: StatePlan) -> None:
    if containers.look_up(world, plan.version) is not None:
        world.engine.stop(plan.version.container, plan.grace)
    folders.release(world, plan.version)


def _stopped(world: World, plan: StatePlan) -> Changes:
    # GPUs are given back only now that nothing uses them any more.
    released = claims.keep_ports(claims.read_ledger(world.store), plan.set.id)
    return put_set(replace(plan.set, state=State.STOPPED, ending=None)) | released


STOP = saga(Saga("stop", StatePlan, (SagaStep("end", _end),), point=0, done=_stopped, yields=True))


def _freeze(world: World, plan: StatePlan) -> None:
    require(world.engine, Pausing).pause(containers.find(world, plan.version).name)


def _thaw(world: World, plan: StatePlan) -> None:
    found = containers.look_up(world, plan.version)
    if found is not None and found.state == "paused":
        require(world.engine, Pausing).unpause(found.name)


def _wake(world: World, plan: StatePlan) -> None:
    found = containers.find(world, plan.version)
    if found.state == "paused":
        require(world.engine, Pausing).unpause(found.name)
    else:
        # The machine may have been restarted meanwhile, or its main program ended: what is kept is the disk.
        containers.resume(world, plan.version)


def _refreeze(world: World, plan: StatePlan) -> None:
    found = containers.look_up(world, plan.version)
    if plan.set.state is State.PAUSED and found is not None and found.state == "running":
        require(world.engine, Pausing).pause(found.name)


def _paused(world: World, plan: StatePlan) -> Changes:
    return put_set(replace(plan.set, state=State.PAUSED, ending=None))


def _running(world: World, plan: StatePlan) -> Changes:
    return put_set(replace(plan.set, state=State.RUNNING, ending=None))


PAUSE = saga(Saga("pause", StatePlan, (SagaStep("freeze", _freeze, _thaw, running=True),), point=1, done=_paused))
CONTINUE = saga(
    Saga("continue", StatePlan, (SagaStep("wake", _wake, _refreeze, running=True),), point=1, done=_running)
)


def stop(world: World, name: str, caller: Caller, grace: int | None) -> None:
    """See ReplicaSets.stop."""
    checks.set_name(name)
    grace = checks.grace(grace)
    with overriding(world, set_journal(name), lambda: own_set(world.store, name, caller)):
        current = own_set(world.store, name, caller)
        if current.state is State.STOPPED:
            return
        if current.state is State.GONE:
            raise _not_there(current)
        version = find_version(world.store, current, current.current)
        plan = StatePlan(current, version, version.grace if grace is None else grace)
        carry_out(world, STOP, set_journal(name), lambda: (plan, Changes()))


def pause(world: World, name: str, caller: Caller) -> None:
    """See ReplicaSets.pause."""
    _turn(world, name, PAUSE, State.PAUSED, caller)


def continue_(world: World, name: str, caller: Caller) -> None:
    """See ReplicaSets.continue_."""
    _turn(world, name, CONTINUE, State.RUNNING, caller)


def _turn(world: World, name: str, what: Saga[StatePlan], into: State, caller: Caller) -> None:
    checks.set_name(name)
    require(world.engine, Pausing)
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        plan = StatePlan(current, find_version(world.store, current, current.current))
        found = containers.look_up(world, plan.version)
        if not current.state.holds or current.state is State.RESTARTING or found is None:
            raise _not_there(current)
        if current.state is State.RUNNING and not found.is_alive:
            raise Conflict(f"{name} is not running: its main program ended", hint=f"`rs restart {name}`")
        if into is State.PAUSED:
            if current.state is State.PAUSED:
                return
        elif current.state is State.RUNNING and found.state != "paused":
            # Nobody is to think that it was frozen until now: a pause may have failed.
            raise Conflict(f"{name} is not paused", hint="`rs info` shows what it is doing")
        carry_out(world, what, set_journal(name), lambda: (plan, containers.check_volumes(world, plan.version)))


def _not_there(current: ReplicaSet) -> Conflict:
    """Return why a set that does not run can be neither frozen nor continued."""
    why, hint = {
        State.STOPPED: ("is stopped: its GPUs are free for others", f"`rs restart {current.name}` claims them again"),
        State.EXITED: ("has ended: its GPUs are free for others", f"`rs restart {current.name}` claims them again"),
        State.RESTARTING: ("has ended, and is started again soon", f"`rs stop {current.name}` if it is not to be"),
    }.get(current.state, ("has no container any more", "`rs rollback` to an older version, or `rs delete`"))
    return Conflict(f"{current.name} {why}", hint=hint)
