"""How many refused requests of one address are answered and logged: whoever has no token costs next to nothing."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Of one address: so many at once, then so many a second.
BURST = 200
RATE = 10.0
# Of all addresses: lines in the log.
LINES = 200
LINES_RATE = 5.0
_MOST = 4096


@dataclass(slots=True)
class _Bucket:
    """Fills by `rate` a second up to `most`; each request takes one out."""

    most: float
    rate: float
    full: float
    at: float

    def take(self, now: float) -> bool:
        self.full = min(self.most, self.full + (now - self.at) * self.rate)
        self.at = now
        if self.full < 1:
            return False
        self.full -= 1
        return True


class Strangers:
    """Counts the refused requests of each address, of the newest 4096 addresses. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lines = _Bucket(LINES, LINES_RATE, LINES, clock())
        self._unlogged = 0

    def allows(self, address: str) -> bool:
        """Return whether one more refused request of that address gets a full answer."""
        key, now = network(address), self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(BURST, RATE, BURST, now)
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return bucket.take(now)

    def logged(self) -> int | None:
        """Return None when a refused request is not to be logged, else how many were not since the last that was."""
        if not self._lines.take(self._clock()):
            self._unlogged += 1
            return None
        missed, self._unlogged = self._unlogged, 0
        return missed


def network(address: str) -> str:
    """Return what one machine sends from: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
