"""Turns: who waits for GPUs, in which order, and what is kept free for those whose turn it is.

The queue is in memory and a place in it is a connection: it ends with its client, and with the service.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.replicasets.claims import Ledger
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, Exhausted

# So many sets of one owner wait at once.
MOST_WAITING = 16
# More GPUs than any machine has: what is free is for those who wait.
_ALL = 1 << 30


@dataclass(frozen=True, slots=True)
class Waiting:
    """A set that waits until it may hold so many GPUs, those it has included. `since` is ISO 8601."""

    set: str
    owner: str
    gpus: int
    since: str
    number: int

    def is_of(self, name: str, owner: str) -> bool:
        """Return whether it is the set `name` of `owner` that waits: another owner may make one of that name."""
        return (self.set, self.owner) == (name, owner)

    def lacks(self, ledger: Ledger) -> int:
        """Return how many GPUs more it needs."""
        return max(self.gpus - sum(self.is_of(each.set, each.owner) for each in ledger.of("gpu").values()), 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in the queue: how many are ahead, and whether its turn has come."""

    waiting: Waiting
    ahead: int
    called: bool


class Turns:
    """The queue, for any number of threads.

    Next is who came first of the owner that holds the fewest GPUs. Nobody is called past one who needs more GPUs than
    are free: that one would wait for ever. Who does not wait is given what nobody waits for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Waiting] = {}
        self._called: set[str] = set()
        self._arrived = 0
        # Another number after each change of the queue.
        self.count = 0

    def enter(self, name: str, owner: str, gpus: int, since: str) -> Waiting:
        """Line up; raises Conflict when the set waits already, Exhausted when too many of the owner do."""
        with self._lock:
            if name in self._waiting:
                raise Conflict(
                    f"{name} waits for GPUs already", Code.EXISTS, hint=f"`rs cancel {name}` ends that", field="name"
                )
            if sum(each.owner == owner for each in self._waiting.values()) >= MOST_WAITING:
                raise Exhausted(f"{MOST_WAITING} of your sets wait for GPUs already", Code.GPUS_TOO_FEW, field="gpus")
            self._arrived += 1
            self.count += 1
            self._waiting[name] = entry = Waiting(name, owner, gpus, since, self._arrived)
            return entry

    def leave(self, entry: Waiting) -> bool:
        """Give the place up; return whether it was there still."""
        with self._lock:
            if self._waiting.get(entry.set) != entry:
                return False
            del self._waiting[entry.set]
            self._called.discard(entry.set)
            self.count += 1
            return True

    def waiting(self) -> list[Waiting]:
        """Return who waits, in order of arrival."""
        with self._lock:
            return list(self._waiting.values())

    def places(self, ledger: Ledger) -> list[Place]:
        """Return who waits and who is called, next first."""
        with self._lock:
            called, rest = self._divided()
            ahead = enumerate(_in_order(rest, called, ledger))
            return [Place(each, 0, True) for each in called] + [Place(each, at, False) for at, each in ahead]

    def call(self, ledger: Ledger, free: int, count: int) -> bool:
        """Call everybody whose turn it is while `free` GPUs are nobody's; return whether that could be said.

        `count` is what it was before the ledger was read. Who has left since was given GPUs that this ledger has as
        free: then nobody is called.
        """
        with self._lock:
            if count != self.count:
                return False
            called, rest = self._divided()
            free -= sum(each.lacks(ledger) for each in called)
            for each in _in_order(rest, called, ledger):
                free -= each.lacks(ledger)
                if free < 0:
                    break
                self._called.add(each.set)
            return True

    def kept(self, name: str, owner: str, gpus: int, ledger: Ledger) -> int:
        """Return how many of the free GPUs are not for the set `name`, which is to have `gpus` of them.

        Those of others whose turn it is; all, while anybody waits; and none once its own turn has come: what it waited
        for is there, whoever was called since on the strength of a later ledger than this.
        """
        with self._lock:
            called, rest = self._divided()
            own = next((each for each in called if each.is_of(name, owner)), None)
            if own is not None and gpus <= own.gpus:
                return 0
            if rest and own is None:
                return _ALL
            return sum(each.lacks(ledger) for each in called if each is not own)

    def _divided(self) -> tuple[list[Waiting], list[Waiting]]:
        """Return who is called and who is not, in order of arrival; with the lock held."""
        called = [each for each in self._waiting.values() if each.set in self._called]
        return called, [each for each in self._waiting.values() if each.set not in self._called]


def _in_order(waiting: Iterable[Waiting], called: Iterable[Waiting], ledger: Ledger) -> list[Waiting]:
    """Return who is next, and after that one, as if each that is called were given its GPUs."""
    holds = Counter(each.owner for each in ledger.of("gpu").values())
    for each in called:
        holds[each.owner] += each.lacks(ledger)
    rest, found = list(waiting), []
    while rest:
        # The order of arrival decides between equals.
        first = min(rest, key=lambda each: (holds[each.owner], each.number))
        rest.remove(first)
        found.append(first)
        holds[first.owner] += first.lacks(ledger)
    return found
