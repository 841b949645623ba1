"""After a reboot of the machine: sets that ran are started again; those that were stopped or paused stay so."""

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
    """The boot of the machine that the store knows of, and the sets that are not started again yet."""

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
    """Start the sets that ran before the reboot; return a sentence for each. What fails is tried again next time."""
    known, revision = _known_boot(world)
    waiting = known.waiting
    if known.id != boot():
        # Those that were still waiting are among them: they are meant to be running.
        waiting = tuple(each.name for each in read_all(world.store, ReplicaSet, SETS) if each.state is State.RUNNING)
    now = Boot(boot(), waiting)
    if (now != known or not revision) and not world.store.commit(Changes({BOOT: revision}, {BOOT: encode(now)})):
        return []  # another process does it
    messages = []
    for name in waiting:
        try:
            if _started(world, name):
                messages.append(f"{name} was running before the machine was rebooted, and is started again")
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


def _known_boot(world: World) -> tuple[Boot, int]:
    entry = world.store.get(BOOT)
    # A new store was filled from what runs now; an older store without this record is taken to be of this boot.
    return (Boot(boot()), 0) if entry is None else (decode(Boot, entry.value), entry.revision)


def _started(world: World, name: str) -> bool:
    with exclusive(world, set_journal(name)):
        current = find_set(world.store, name)
        plan = StatePlan(current, find_version(world.store, current, current.current))
        if current.state is not State.RUNNING or containers.find(world, plan.version).is_alive:
            return False
        carry_out(world, START, set_journal(name), lambda: (plan, containers.check_volumes(world, plan.version)))
        return True
