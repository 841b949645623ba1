"""Lanes: how many requests of a kind are served at once, of one caller and of all, and how many may wait their turn.

A request of a lane holds a slot until its response is complete. So no caller can take all threads, and none has to
wait for what another does: each has slots of its own, and those that wait are let in in order, but for callers whose
slots are all taken.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from workbench.replicasets.errors import ReplicaSetError

# The ends of paths: what lasts without a thread, and what moves much.
_LASTING = ("/events", "/wait", "/turn")
_TRANSFERS = ("/logs", "/archive", "/compare", "/address")


class Full(ReplicaSetError):
    """The caller's queue is full, or its turn did not come in time; `seconds` is when to try again."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message, hint=f"try again in {seconds} seconds")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a lane there is: slots `in_all` and for each `caller`, waiting requests of each, and how long."""

    in_all: int
    caller: int
    waiting: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LaneBounds:
    """The bounds of all lanes.

    `execute` is for programs run in sets, `change` for what else changes something, `read` for what reads, `health`
    for numbers, `stream` for streams of changes, which last, `transfer` for logs and files, `terminal` for programs
    that are given input, which last.
    """

    execute: Bounds = Bounds(48, 8, 32, 30.0)
    change: Bounds = Bounds(64, 16, 64, 60.0)
    read: Bounds = Bounds(48, 16, 256, 30.0)
    health: Bounds = Bounds(8, 4, 32, 30.0)
    stream: Bounds = Bounds(512, 32, 0, 0.0)
    transfer: Bounds = Bounds(32, 8, 32, 30.0)
    terminal: Bounds = Bounds(64, 16, 0, 0.0)

    def threads(self) -> int:
        """Return how many threads requests may need at once. What is streamed has one more, to end it."""
        twice = self.execute.in_all + self.transfer.in_all
        return 2 * twice + self.change.in_all + self.read.in_all + self.health.in_all


class Lane:
    """The slots of one kind of request; for one event loop."""

    def __init__(self, what: str, bounds: Bounds) -> None:
        self._what, self._bounds = what, bounds
        self._taken: Counter[str] = Counter()
        self._queue: list[tuple[str, asyncio.Future[None]]] = []

    @property
    def taken(self) -> int:
        """How many slots are taken."""
        return self._taken.total()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    @asynccontextmanager
    async def slot(self, caller: str) -> AsyncIterator[None]:
        """Hold a slot of `caller` in the body; raises Full."""
        await self._take(caller)
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
            self._admit()

    async def _take(self, caller: str) -> None:
        # A slot that is free is nobody's whose turn has not come: those who wait have all of theirs taken.
        if self._is_free(caller):
            self._taken[caller] += 1
            return
        bounds = self._bounds
        if sum(name == caller for name, _ in self._queue) >= bounds.waiting:
            raise Full(
                f"too many {self._what} at once: {bounds.caller} of one token are served and {bounds.waiting} wait", 5
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (caller, turn)
        self._queue.append(entry)
        try:
            async with asyncio.timeout(bounds.seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It came in the moment that this was cancelled: it is the next one's.
                self._taken[caller] -= 1
                self._admit()
            else:
                self._queue.remove(entry)
            if isinstance(error, TimeoutError):
                raise Full(f"too many {self._what} at once: none ended in {bounds.seconds:g} seconds", 30) from None
            raise

    def _is_free(self, caller: str) -> bool:
        return self.taken < self._bounds.in_all and self._taken[caller] < self._bounds.caller

    def _admit(self) -> None:
        """Let in whoever waits and has a slot now, in order."""
        for entry in list(self._queue):
            caller, turn = entry
            if self._is_free(caller) and not turn.done():
                self._queue.remove(entry)
                self._taken[caller] += 1
                turn.set_result(None)


class Lanes:
    """All lanes of a service."""

    def __init__(self, bounds: LaneBounds) -> None:
        self.bounds = bounds
        self.execute = Lane("programs", bounds.execute)
        self.change = Lane("changes", bounds.change)
        self.read = Lane("requests", bounds.read)
        self.health = Lane("requests for numbers", bounds.health)
        self.stream = Lane("streams", bounds.stream)
        self.transfer = Lane("transfers of logs and files", bounds.transfer)
        self.terminal = Lane("programs with input", bounds.terminal)

    def of(self, method: str, path: str) -> Lane:
        """Return the lane of a request."""
        if path == "/metrics":
            return self.health
        if path.endswith(_LASTING):
            return self.stream
        if path.endswith(_TRANSFERS):
            return self.transfer
        if method in ("GET", "HEAD"):
            return self.read
        return self.execute if path.endswith("/execute") else self.change

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return how many requests each lane serves, and how many wait, by its name."""
        names = ("execute", "change", "read", "stream", "transfer", "terminal")
        lanes: tuple[Lane, ...] = (self.execute, self.change, self.read, self.stream, self.transfer, self.terminal)
        return {name: (lane.taken, lane.waiting) for name, lane in zip(names, lanes, strict=True)}
