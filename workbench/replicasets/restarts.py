"""Starting sets again in their place: those that ran before a reboot, and those whose policy says so."""

from __future__ import annotations

from dataclasses import replace

from workbench.replicasets import containers
from workbench.replicasets.errors import ReplicaSetError, Unavailable
from workbench.replicasets.observe import delay, describe, later, observe_set, started
from workbench.replicasets.operations.state import StatePlan
from workbench.replicasets.problems import Problems
from workbench.replicasets.reboot import REBOOTED
from workbench.replicasets.records import SETS, find_set, find_version, put_set, readable, set_journal, set_key
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import ReplicaSet, State
from workbench.replicasets.world import World


def _start(world: World, plan: StatePlan) -> None:
    if not containers.find(world, plan.version).is_alive:
        containers.check_ports(world, plan.version)
    containers.resume(world, plan.version)


def _end(world: World, plan: StatePlan) -> None:
    if containers.look_up(world, plan.version) is not None:
        world.engine.stop(plan.version.container, 0)


def _done(world: World, plan: StatePlan) -> Changes:
    return put_set(started(world, plan.set, plan.version))


START = saga(
    Saga("start again", StatePlan, (SagaStep("start", _start, _end, running=True),), point=0, yields=True, done=_done)
)


def start_again(world: World, problems: Problems | None = None) -> list[str]:
    """Start the sets that are due; return a sentence for each. What fails is a problem, and is tried again later."""
    problems = Problems() if problems is None else problems
    messages = []
    for each in readable(world.store, ReplicaSet, SETS, problems):
        if each.state is State.RESTARTING:
            with problems.guard(each.name, "it cannot be started again yet"):
                messages += _started(world, each.name)
    return messages


def _started(world: World, name: str) -> list[str]:
    now = world.now()
    with exclusive(world, set_journal(name)):
        current = find_set(world.store, name)
        ending = current.ending
        if current.state is not State.RESTARTING or ending is None or ending.start > now:
            return []
        plan = StatePlan(
            replace(current, ending=replace(ending, start=now)), find_version(world.store, current, current.current)
        )
        try:
            carry_out(world, START, set_journal(name), lambda: (plan, containers.check_volumes(world, plan.version)))
        except Unavailable:
            raise
        except ReplicaSetError:
            is_there = containers.look_up(world, plan.version) is not None
            if is_there:
                _put_off(world, current)
                raise
        else:
            why = REBOOTED if ending.reason == REBOOTED else f"it ended {describe(ending)}"
            return [f"{name} is started again: {why}"]
    return observe_set(world, name)


def _put_off(world: World, current: ReplicaSet) -> None:
    """Record when it is tried again: after a longer time each time."""
    ending, entry = current.ending, world.store.get(set_key(current.name))
    if ending is not None and entry is not None:
        tried = replace(ending, restarts=ending.restarts + 1, start=later(world, delay(world, ending.restarts)))
        checks = Changes({set_key(current.name): entry.revision, set_journal(current.name): 0})
        world.store.commit(checks | put_set(replace(current, ending=tried)))
