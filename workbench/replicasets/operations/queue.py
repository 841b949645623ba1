"""The queue for GPUs: lining up, being called in turn, and leaving."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from workbench.replicasets import checks, claims
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, Exhausted, Forbidden, Invalid, NotFound, about
from workbench.replicasets.records import read, set_key
from workbench.replicasets.rights import own_set
from workbench.replicasets.turns import Place, Waiting
from workbench.replicasets.values import Caller, ReplicaSet
from workbench.replicasets.world import World

# How long what other processes give free may go unseen.
_FOREIGN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Queue:
    """Who waits, next first, and how many of the GPUs are free."""

    places: tuple[Place, ...]
    free: int

    def of(self, entry: Waiting) -> Place | None:
        """Return somebody's place; None when it was given up."""
        return next((each for each in self.places if each.waiting == entry), None)


@dataclass(slots=True)
class Calls:
    """Calls whose turn it is, once for all who look: only when something may have changed."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: tuple[int, int] = (-1, -1)
    _at: float = 0.0
    _queue: Queue | None = None

    def now(self, world: World, changes: int) -> Queue:
        """Return the queue after the calls; `changes` is another number after each commit to the store."""
        with self._lock:
            seen = (changes, world.turns.count)
            if self._queue is None or seen != self._seen or time.monotonic() - self._at >= _FOREIGN_SECONDS:
                self._seen, self._at = seen, time.monotonic()
                self._queue = _called(world)
            return self._queue


def _called(world: World) -> Queue:
    gpus = [gpu.id for gpu in world.gpus()]
    while True:
        count = world.turns.count
        ledger = claims.read_ledger(world.store)
        free = sum(gpu not in ledger.of("gpu") for gpu in gpus)
        if world.turns.call(ledger, free, count):
            return Queue(tuple(world.turns.places(ledger)), free)


def check(world: World, name: str, gpus: int, caller: Caller) -> str:
    """Return the owner that the set has or will have; raises what would keep it from ever being given so many GPUs."""
    with about("name"):
        checks.set_name(name)
    owner, known = caller.name, read(world.store, ReplicaSet, set_key(name))
    if known is not None and not caller.may_see(known.owner):
        raise Conflict(f"there is a set {name} already", Code.EXISTS, hint="choose another name", field="name")
    if known is not None:
        owner = own_set(world.store, name, caller).owner
    with about("gpus"):
        if checks.count(gpus) < 1:
            raise Invalid("nobody waits for 0 GPUs", Code.GPUS_NEGATIVE)
        ledger, total = claims.read_ledger(world.store), len(world.gpus())
        if gpus > total:
            raise Exhausted(f"{gpus} GPUs were requested, and there are {total}", Code.GPUS_TOO_FEW)
        others = sum(each.owner == owner and each.set != name for each in ledger.of("gpu").values())
        claims.check_quota("GPUs", others + gpus, caller.quota_of(owner).gpus)
    return owner


def cancel(world: World, name: str, caller: Caller) -> None:
    """See ReplicaSets.cancel_turn."""
    entry = next((each for each in world.turns.waiting() if each.set == name), None)
    if entry is None or not caller.may_see(entry.owner):
        raise NotFound(f"no set {checks.set_name(name)} waits for GPUs", hint="`rs queue` shows which do")
    if not caller.may_change(entry.owner):
        raise Forbidden(f"the place of {name} is {entry.owner}'s", hint="use a token with the role admin")
    world.turns.leave(entry)
