"""What a version of a set wrote, within limits of lines and bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from workbench.replicasets import checks, containers
from workbench.replicasets.engines.capabilities import LogStream, ReadingLogs, require
from workbench.replicasets.errors import Invalid, NotFound
from workbench.replicasets.records import find_version
from workbench.replicasets.requests import LogsRequest
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, Version
from workbench.replicasets.world import World

MOST_LINES = 100_000
MOST_BYTES = 64 << 20
# A stream that is followed has an end too.
MOST_FOLLOWED = 16 << 30
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Logs:
    """What was written: iterate over it once for (1 or 2, bytes), then read `cut`; `close` ends it, from any thread.

    A terminal's ends of lines are plain ones. `cut` is whether it was more than it may be.
    """

    def __init__(self, stream: LogStream, most: int) -> None:
        self._stream, self._most = stream, most
        self.cut = False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1 or 2, bytes), oldest first."""
        left = self._most
        try:
            for number, piece in _plain_ends(self._stream):
                if piece[:left]:
                    yield number, piece[:left]
                left -= len(piece)
                if left < 0:
                    self.cut = True
                    return
        finally:
            self.close()

    def close(self) -> None:
        """End it."""
        self._stream.close()


def logs(world: World, name: str, request: LogsRequest, caller: Caller) -> Logs:
    """See ReplicaSets.logs."""
    checks.set_name(name)
    if not 0 <= request.tail <= MOST_LINES or not 0 < request.max_bytes <= MOST_BYTES:
        raise Invalid(f"at most {MOST_LINES} lines and {MOST_BYTES} bytes")
    since = _time(request.since, datetime.now(UTC))
    found = own_set(world.store, name, caller)
    version = find_version(world.store, found, request.version or found.current)
    reading = require(world.engine, ReadingLogs)
    container = containers.look_up(world, version)
    if container is None:
        raise NotFound(_why_gone(version), hint=f"`rs history {name}` shows the versions")
    # By its id: the name may be another container's in a moment.
    stream = reading.logs(container.id, tail=request.tail, since=since, follow=request.follow)
    return Logs(stream, MOST_FOLLOWED if request.follow else request.max_bytes)


def _why_gone(version: Version) -> str:
    if version.disk:
        return f"version {version.number} of {version.set} is kept as an image, which has nothing of what it wrote"
    return f"the container {version.container} no longer exists in the engine, nor what it wrote"


def _plain_ends(pieces: Iterator[tuple[int, bytes]] | LogStream) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces with \\n for \\r\\n, which may be cut in two."""
    held = {1: b"", 2: b""}
    for number, piece in pieces:
        text = held.get(number, b"") + piece
        held[number] = b"\r" if text.endswith(b"\r") else b""
        if text := text[: len(text) - len(held[number])].replace(b"\r\n", b"\n"):
            yield number, text
    yield from ((number, rest) for number, rest in held.items() if rest)


def _time(text: str, now: datetime) -> float:
    """Return the seconds since 1970 that `10m` (ago) or a time in ISO 8601 stand for, 0 for ""; raises Invalid."""
    if not text:
        return 0.0
    if match := re.fullmatch(r"([0-9]{1,6})([smhdw])", text):
        return max(now.timestamp() - int(match[1]) * _UNITS[match[2]], 0.0)
    try:
        when = datetime.fromisoformat(text)
        return max((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp(), 0.0)
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:60]!r} is no time", hint="write 90s, 10m, 2h, 1d or 2026-11-30T14:00:00Z") from None
