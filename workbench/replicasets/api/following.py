"""What changes, for all who follow it: one task looks, and wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.listing import FOREIGN_SECONDS, Listing
from workbench.replicasets.service import ReplicaSets

# Changes that come closer together than this are sent together.
TOGETHER_SECONDS = 0.05


class Following:
    """The current listing, and waiting for another one; for one event loop. `stopping` is whether the service ends."""

    def __init__(self, service: ReplicaSets, stopping: Callable[[], bool]) -> None:
        self._service, self._stopping = service, stopping
        # One thread reads for all: the others would wait for it anyhow.
        self._thread = CapacityLimiter(1)
        self._followers = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._listing: Listing | None = None
        self.ended = False

    async def current(self) -> Listing:
        """Return the listing as of now; raises a ReplicaSetError."""
        listing = self._service.listings.fresh()
        return listing if listing is not None else await run_sync(self._service.listing, limiter=self._thread)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Have changes looked for in the body."""
        self._followers += 1
        if self._task is None or self._task.done():
            self.ended = False
            self._task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._followers -= 1

    async def change(self, seen: Listing, seconds: float) -> Listing:
        """Wait until there is another listing than `seen`, or so long; return the newest, and `ended` may be true."""
        if self._listing is None or self._listing is seen:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return self._listing or seen

    async def _look(self) -> None:
        loop, committed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(committed.set)

        end = self._service.listings.store.subscribe(wake)
        try:
            while self._followers and not self._stopping():
                committed.clear()
                listing = await self.current()
                if listing is not self._listing:
                    self._listing = listing
                    self._wake()
                    await asyncio.sleep(TOGETHER_SECONDS)
                try:
                    async with asyncio.timeout(FOREIGN_SECONDS):
                        await committed.wait()
                except TimeoutError:
                    pass  # another process may have changed something
        except ReplicaSetError:
            pass  # the store is away: all streams end, and whoever comes again hears why
        finally:
            end()
            self.ended, self._listing = True, None
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
