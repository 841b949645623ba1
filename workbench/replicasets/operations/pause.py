"""Freezing a set's processes, and letting them go on. GPUs, ports and memory stay its own."""

from __future__ import annotations

from dataclasses import replace

from workbench.replicasets import checks, containers
from workbench.replicasets.engines.capabilities import Pausing, require
from workbench.replicasets.errors import Conflict
from workbench.replicasets.operations.stop import Turning
from workbench.replicasets.records import find_version, put_set, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, State
from workbench.replicasets.world import World


def _freeze(world: World, plan: Turning) -> None:
    require(world.engine, Pausing).pause(containers.there(world, plan.version).name)


def _thaw(world: World, plan: Turning) -> None:
    found = containers.mine(world, plan.version)
    if found is not None and found.state == "paused":
        require(world.engine, Pausing).unpause(found.name)


def _wake(world: World, plan: Turning) -> None:
    found = containers.there(world, plan.version)
    if found.state == "paused":
        require(world.engine, Pausing).unpause(found.name)
    else:
        # The machine may have been restarted meanwhile, or its main program ended: what is kept is the disk.
        containers.resume(world, plan.version)


def _refreeze(world: World, plan: Turning) -> None:
    found = containers.mine(world, plan.version)
    if plan.set.state is State.PAUSED and found is not None and found.state == "running":
        require(world.engine, Pausing).pause(found.name)


def _paused(world: World, plan: Turning) -> Changes:
    return put_set(replace(plan.set, state=State.PAUSED))


def _running(world: World, plan: Turning) -> Changes:
    return put_set(replace(plan.set, state=State.RUNNING))


PAUSE = saga(Saga("pause", Turning, (Step("freeze", _freeze, _thaw),), point=1, done=_paused))
CONTINUE = saga(Saga("continue", Turning, (Step("wake", _wake, _refreeze),), point=1, done=_running))


def pause(world: World, name: str, actor: Actor | None = None) -> None:
    """See ReplicaSets.pause."""
    _turn(world, name, PAUSE, State.PAUSED, actor)


def continue_(world: World, name: str, actor: Actor | None = None) -> None:
    """See ReplicaSets.continue_."""
    _turn(world, name, CONTINUE, State.RUNNING, actor)


def _turn(world: World, name: str, what: Saga[Turning], into: State, actor: Actor | None) -> None:
    checks.set_name(name)
    require(world.engine, Pausing)
    with alone(world, set_journal(name)):
        current = own_set(world.store, name, actor)
        plan = Turning(current, find_version(world.store, current, current.current))
        if current.state is State.STOPPED:
            raise Conflict(
                f"{name} is stopped: its GPUs are free for others", hint=f"`rs restart {name}` claims them again"
            )
        if current.state is into is State.PAUSED:
            return
        carry_out(world, what, set_journal(name), lambda: (plan, containers.check_volumes(world, plan.version)))
