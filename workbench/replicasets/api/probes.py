"""What is looked up once for all who request it at the same time, on a thread of its own: health and numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from workbench.replicasets.errors import Unavailable

T = TypeVar("T")


class Probe(Generic[T]):
    """Runs `work` in a thread, once for all that wait for it; its result, or its error, is good for `fresh` seconds.

    So neither a flood of requests nor an engine that hangs takes more than one thread.
    """

    def __init__(self, what: str, work: Callable[[], T], fresh: float, seconds: float) -> None:
        self._what, self._work, self._fresh, self._seconds = what, work, fresh, seconds
        self._thread = CapacityLimiter(1)
        self._running: asyncio.Task[T] | None = None
        self._ended = 0.0

    async def __call__(self) -> T:
        """Return the result; raises its error, and Unavailable when it takes more than `seconds`."""
        task = self._running
        if task is None or (task.done() and time.monotonic() - self._ended >= self._fresh):
            task = self._running = asyncio.create_task(self._run())
        done, _ = await asyncio.wait({task}, timeout=self._seconds)
        if not done:
            raise Unavailable(f"{self._what} took more than {self._seconds:g} seconds", hint="is the engine hanging?")
        return task.result()

    async def _run(self) -> T:
        try:
            return await run_sync(self._work, limiter=self._thread)
        finally:
            self._ended = time.monotonic()
