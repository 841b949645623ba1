"""Stopping a set: its GPUs, CPUs and memory are free for others, its disk and its ports are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.replicasets import checks, claims, containers
from workbench.replicasets.records import find_version, put_set, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, ReplicaSet, State, Version
from workbench.replicasets.world import World


@dataclass(frozen=True, slots=True)
class Turning:
    """The plan of what happens to the current version's container in its place."""

    set: ReplicaSet
    version: Version


def _end(world: World, plan: Turning) -> None:
    if containers.mine(world, plan.version) is not None:
        world.engine.stop(plan.version.container, world.settings.stop_seconds)


def _done(world: World, plan: Turning) -> Changes:
    # GPUs are given back only now that nothing uses them any more.
    released = claims.rest(claims.held(world.store), plan.set.id)
    return put_set(replace(plan.set, state=State.STOPPED)) | released


STOP = saga(Saga("stop", Turning, (Step("end", _end),), point=0, done=_done, yields=True))


def stop(world: World, name: str, actor: Actor | None = None) -> None:
    """See ReplicaSets.stop."""
    checks.set_name(name)
    with alone(world, set_journal(name)):
        current = own_set(world.store, name, actor)
        if current.state is State.STOPPED:
            return
        plan = Turning(current, find_version(world.store, current, current.current))
        carry_out(world, STOP, set_journal(name), lambda: (plan, Changes()))
