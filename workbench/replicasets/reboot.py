"""After the machine was started anew: what should run is started again; what was stopped or paused stays so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.replicasets import containers
from workbench.replicasets.codec import decode, encode
from workbench.replicasets.errors import NotFound, ReplicaSetError, Unavailable
from workbench.replicasets.operations.state import StatePlan
from workbench.replicasets.owner import boot
from workbench.replicasets.records import SETS, find_set, find_version, read_all, set_journal
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import ReplicaSet, State
from workbench.replicasets.world import World

BOOT = "meta/boot"


@dataclass(frozen=True, slots=True)
class Boot:
    """The last boot of the machine that is recorded in the store, and the sets that are not started again yet."""

    id: str
    waiting: tuple[str, ...] = ()


def _start(world: World, plan: StatePlan) -> None:
    if not containers.find(world, plan.version).is_alive:
        containers.check_ports(world, plan.version)
    containers.resume(world, plan.version)


def _end(world: World, plan: StatePlan) -> None:
    if containers.look_up(world, plan.version) is not None:
        world.engine.stop(plan.version.container, 0)


START = saga(Saga("start again", StatePlan, (SagaStep("start", _start, _end),), point=0, yields=True))


def start_again(world: World) -> list[str]:
    """Start what ran when the machine went down; return a sentence for each. What fails is tried again next time."""
    boot_seen, revision = _seen(world)
    waiting = boot_seen.waiting
    if boot_seen.id != boot():
        # Those that were still waiting are among them: they are meant to be running.
        waiting = tuple(each.name for each in read_all(world.store, ReplicaSet, SETS) if each.state is State.RUNNING)
    now = Boot(boot(), waiting)
    if (now != boot_seen or not revision) and not world.store.commit(Changes({BOOT: revision}, {BOOT: encode(now)})):
        return []  # somebody else is at it
    messages = []
    for name in waiting:
        try:
            if _started(world, name):
                messages.append(f"{name} was running before the machine went down, and is started again")
        except NotFound as error:
            messages.append(f"{name} cannot be started again: {error.message}")
        except Unavailable:
            raise
        except ReplicaSetError as error:
            messages.append(f"{name} is not started again yet: {error.message}")
            continue
        now = replace(now, waiting=tuple(each for each in now.waiting if each != name))
        world.store.commit(Changes(puts={BOOT: encode(now)}))
    return messages


def _seen(world: World) -> tuple[Boot, int]:
    entry = world.store.get(BOOT)
    # A new store was filled from what runs now, and one of before this was written down is taken to be of now.
    return (Boot(boot()), 0) if entry is None else (decode(Boot, entry.value), entry.revision)


def _started(world: World, name: str) -> bool:
    with exclusive(world, set_journal(name)):
        current = find_set(world.store, name)
        plan = StatePlan(current, find_version(world.store, current, current.current))
        if current.state is not State.RUNNING or containers.find(world, plan.version).is_alive:
            return False
        carry_out(world, START, set_journal(name), lambda: (plan, containers.check_volumes(world, plan.version)))
        return True
