"""Requests: passed on to a set and back as they come, in pieces. httpcore speaks HTTP, on connections it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpcore
from starlette.types import Receive, Scope, Send

from workbench.replicasets.api.proxy.headers import Headers, from_set
from workbench.replicasets.api.proxy.limits import ANSWER_SECONDS, CONNECT_SECONDS, STUCK_SECONDS
from workbench.replicasets.api.proxy.places import Place
from workbench.replicasets.operations.reach import Upstream

# Reading has no end of its own: a stream may be silent for hours. See `_watching`, and ANSWER_SECONDS.
_TIMEOUT = {"connect": CONNECT_SECONDS, "write": STUCK_SECONDS, "read": None, "pool": CONNECT_SECONDS}
_KEPT_SECONDS = 15.0
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class SilentError(Exception):
    """A set did not answer at all; `status` is what that is in HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Forward:
    """Passes requests on; for one event loop."""

    def __init__(self) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None, max_keepalive_connections=256, keepalive_expiry=_KEPT_SECONDS
        )

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        place: Place,
        upstream: Upstream,
        target: bytes,
        headers: Headers,
    ) -> None:
        """Pass a request on, and its response back; raises SilentError when there is none."""
        url = httpcore.URL(scheme=b"http", host=upstream.host.encode(), port=upstream.port, target=target)
        body = _Body(receive, headers)
        async with asyncio.timeout(ANSWER_SECONDS) as patience:
            body.patience = patience
            response = await self._response(scope["method"], url, headers, body)
            patience.reschedule(None)
            stripped = None if upstream.prefix == place.path else upstream.prefix
            own = {f"{upstream.host}:{upstream.port}".lower(), _host(headers)}
            passed = from_set(response.headers, place=place, stripped=stripped, hosts=own)
            await send({"type": "http.response.start", "status": response.status, "headers": passed})
            try:
                async for piece in response.aiter_stream():
                    async with asyncio.timeout(STUCK_SECONDS):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            finally:
                await response.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _response(self, method: str, url: httpcore.URL, headers: Headers, body: _Body) -> httpcore.Response:
        # A kept connection may be closed in the moment that it is used: what changes nothing is sent again.
        tries = 2 if method in ("GET", "HEAD") and not body.is_there else 1
        for left in reversed(range(tries)):
            content = body.pieces() if body.is_there else None
            request = httpcore.Request(method, url, headers=headers, content=content, extensions={"timeout": _TIMEOUT})
            try:
                return await self._pool.handle_async_request(request)
            except httpcore.ConnectError:
                raise SilentError(502) from None
            except _BROKEN:
                if not left:
                    raise SilentError(502) from None
        raise AssertionError

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


class _Body:
    """The body of a request, in pieces as they come; the set's patience begins anew with each."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive = receive
        length = next((value for name, value in headers if name == b"content-length"), b"")
        chunked = any(name == b"transfer-encoding" for name, _ in headers)
        self.is_there = chunked or length not in (b"", b"0")
        self.patience: Any = None

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(STUCK_SECONDS):
                message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            self.patience.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                return


def _host(headers: Headers) -> str:
    return next((value.decode("latin-1").lower() for name, value in headers if name == b"host"), "")
