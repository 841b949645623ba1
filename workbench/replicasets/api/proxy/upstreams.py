"""Where sets are reached, looked up again when anything changed in the store, and after a moment."""

from __future__ import annotations

import time
from dataclasses import dataclass

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from workbench.replicasets.api.proxy.places import Place
from workbench.replicasets.operations.reach import Upstream
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

# A container that is started again may get another address without the store's knowing.
FRESH_SECONDS = 2.0
_MOST = 1024


@dataclass(frozen=True, slots=True)
class _Found:
    count: int
    at: float
    upstream: Upstream


class Upstreams:
    """For one event loop. Lookups have threads of their own: they wait for the engine."""

    def __init__(self, service: ReplicaSets) -> None:
        self._service = service
        self._found: dict[tuple[Place, str, str], _Found] = {}
        self._threads = CapacityLimiter(16)

    async def find(self, place: Place, caller: Caller) -> Upstream:
        """Return where a place is reached; raises ReplicaSetError when it is not, or not for the caller."""
        # The role too: what an administrator's token was let in to, it is not when it no longer is one's.
        key = (place, caller.name, caller.role.value)
        count, now = self._service.commits, time.monotonic()
        found = self._found.get(key)
        if found is None or found.count != count or now - found.at > FRESH_SECONDS:
            upstream = await run_sync(self._service.reach, place.name, place.port, caller, limiter=self._threads)
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = found = _Found(count, now, upstream)
        return found.upstream

    def forget(self, place: Place) -> None:
        """Look a place up again the next time: it did not answer there."""
        for key in [each for each in self._found if each[0] == place]:
            del self._found[key]
