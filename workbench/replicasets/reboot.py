"""After a reboot of the machine: sets that ran are to be started again; those stopped or paused stay so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.engines.capabilities import RunningElsewhere
from workbench.replicasets.owner import boot
from workbench.replicasets.problems import Problems
from workbench.replicasets.records import SETS, put_set, readable, set_key
from workbench.replicasets.saga import commit_changes
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Ending, ReplicaSet, State
from workbench.replicasets.world import World

BOOT = "meta/boot"
REBOOTED = "the machine was rebooted"
# Those that had processes when the machine went down.
_WITH_PROCESSES = (State.RUNNING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class Boot:
    """The boot of the machine that the store knows of."""

    id: str


def is_known(world: World) -> bool:
    """Return whether the store knows of this boot: what ran before it has been recorded as to be started.

    Where containers run elsewhere, boots of this machine do not matter.
    """
    return world.engine.capability(RunningElsewhere) is not None or _known(world)[0] == boot()


def after_reboot(world: World, problems: Problems) -> None:
    """Record, once after each boot, which sets are to be started again (`restarting`)."""
    if world.engine.capability(RunningElsewhere) is not None:
        return
    known, revision = _known(world)
    if known == boot() and revision:
        return
    changes = Changes({BOOT: revision}, {BOOT: encode(Boot(boot()))})
    if known == boot():
        world.store.commit(changes)
        return

    def marked() -> Changes:
        found = changes
        for each in readable(world.store, ReplicaSet, SETS, problems):
            entry = world.store.get(set_key(each.name))
            if entry is not None and decode(ReplicaSet, entry.value) == each and each.state in _WITH_PROCESSES:
                found |= Changes({set_key(each.name): entry.revision}) | put_set(_marked(world, each))
        return found

    commit_changes(world, marked)


def _known(world: World) -> tuple[str, int]:
    entry = world.store.get(BOOT)
    # A new store was filled from what runs now; an older store without this record is taken to be of this boot.
    return (boot(), 0) if entry is None else (decode(Boot, entry.value).id, entry.revision)


def _marked(world: World, each: ReplicaSet) -> ReplicaSet:
    if each.state is State.PAUSED:
        return replace(each, ending=Ending(world.now(), reason=REBOOTED))
    return replace(each, state=State.RESTARTING, ending=Ending(world.now(), reason=REBOOTED, start=world.now()))
