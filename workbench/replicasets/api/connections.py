"""Connections: those that send nothing, or half a request, are closed, and make room for others before that."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A head is a few hundred bytes in one packet; a slow line may take a moment.
HEAD_SECONDS = 10.0
HEAD_BYTES = 16 << 10
# How many connections may be open on which no request is being answered. Beyond that the oldest is closed: a client
# that sends its request at once is never among the oldest.
MOST_IDLE = 512
_LOG_SECONDS = 10.0


class Connection(H11Protocol):
    """uvicorn's protocol (0.54), which waits for the head of a request for ever, with an end to that."""

    # Idle connections, oldest first. A process serves once, at an address.
    idle: ClassVar[dict[Connection, None]] = {}
    _deadline: asyncio.TimerHandle | None = None
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the time that a head has counts from its first byte, whatever trickles in later."""
        super().data_received(data)
        self._settle()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to a WebSocket, which looks after itself."""
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Expect the next request."""
        super().on_response_complete()
        # What has come of it counts from now; if nothing has, uvicorn's own limit for idle connections holds.
        self._settle(bool(self.conn.trailing_data[0]) or self.conn.their_state is not h11.IDLE)

    def _settle(self, expecting: bool = True) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self._upgraded or self.transport.is_closing():
            self._forget()
            return
        self.idle.setdefault(self)
        if expecting and self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
        if len(self.idle) > MOST_IDLE:
            next(iter(self.idle)).transport.abort()
            del self.idle[next(iter(self.idle))]

    def _forget(self) -> None:
        self.idle.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose TLS servers do not wait a minute for the handshake of a client that sends nothing."""

    async def create_server(self, *args: Any, **kwargs: Any) -> asyncio.Server:  # noqa: ANN401
        """See asyncio."""
        if kwargs.get("ssl"):
            kwargs.setdefault("ssl_handshake_timeout", HEAD_SECONDS)
        return await super().create_server(*args, **kwargs)


class Sparing(logging.Filter):
    """Lets each message pass once in ten seconds: malformed requests would fill the journal."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log it; errors are always logged."""
        if record.levelno >= logging.ERROR:
            return True
        key, now = str(record.msg)[:200], time.monotonic()
        if now - self._last.get(key, -_LOG_SECONDS) < _LOG_SECONDS or (len(self._last) > 100 and key not in self._last):
            return False
        self._last[key] = now
        return True


def raise_file_limit() -> None:
    """Let this process have as many files open as it may: the usual limit is 1024, and each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
