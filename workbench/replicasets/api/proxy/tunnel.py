"""WebSockets: a set's response to the handshake is checked, and then bytes go both ways as they are.

So pings, fragments, compression and the codes of an end are between the browser and the set, a message of any size
takes no memory here, and who is slow slows the other down.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import suppress
from typing import Any

import h11
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from workbench.replicasets.api.connections import Connection
from workbench.replicasets.api.lanes import Full
from workbench.replicasets.api.proxy import entry, headers
from workbench.replicasets.api.proxy.gateway import Gateway, Passage
from workbench.replicasets.api.proxy.limits import ANSWER_SECONDS, CONNECT_SECONDS, HEAD_BYTES, PIECE, STUCK_SECONDS

# RFC 6455, 1.3
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# What a set may say in place of a WebSocket.
_MOST_REFUSAL = 64 << 10


class ProxyConnection(Connection):
    """A browser's connection; a WebSocket's is handed over to the tunnel."""

    idle = {}  # noqa: RUF012  of this server alone: it has a thread of its own
    gateway: Gateway

    def __init__(self, *args: Any, gateway: Gateway, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's
        super().__init__(*args, **kwargs)
        self.gateway = gateway

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Take the connection from uvicorn (0.54), which would end the WebSocket here."""
        self._upgraded = True
        connections: set[Any] = self.connections
        connections.discard(self)
        path, _, query = event.target.partition(b"?")
        scope = {
            "type": "websocket",
            "method": event.method.decode("ascii"),
            "scheme": "https" if is_ssl(self.transport) else "http",
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in self.headers],
            "client": get_remote_addr(self.transport),
            "server": get_local_addr(self.transport),
        }
        reader = asyncio.StreamReader(PIECE, self.loop)
        streams = _Streams(reader, loop=self.loop)
        streams.connection_made(self.transport)
        self.transport.set_protocol(streams)
        if rest := self.conn.trailing_data[0]:
            reader.feed_data(rest)
        writer = asyncio.StreamWriter(self.transport, streams, reader, self.loop)
        connections.add(streams)
        task = self.loop.create_task(_serve(self.gateway, scope, reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: connections.discard(streams))


class _Streams(asyncio.StreamReaderProtocol):
    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self._line: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = transport
        super().connection_made(transport)

    def shutdown(self) -> None:
        """End it, with the server."""
        if isinstance(self._line, asyncio.Transport):
            self._line.abort()


async def _serve(gateway: Gateway, scope: Scope, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        response = await _lead(gateway, scope, reader, writer)
        if response is not None:
            await _answer(writer, response)
    except (OSError, TimeoutError):
        writer.transport.abort()
    finally:
        writer.close()


async def _lead(
    gateway: Gateway, scope: Scope, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Response | None:
    key = headers.first(scope["headers"], b"sec-websocket-key")
    if scope["method"] != "GET" or not key:
        return entry.refused(scope["headers"], 400, "this begins no WebSocket")
    passage = await gateway.admit(scope, upgrade=True)
    if isinstance(passage, Response):
        return passage
    try:
        async with gateway.tunnels.slot(passage.caller.name):
            return await _tunnel(gateway, scope, passage, reader, writer)
    except Full as full:
        return entry.refused(scope["headers"], 429, full.message, full.hint)


async def _tunnel(
    gateway: Gateway, scope: Scope, passage: Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Response | None:
    upstream = passage.upstream
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            inner, outer = await asyncio.open_connection(upstream.host, upstream.port, limit=PIECE)
    except (OSError, TimeoutError):
        return gateway.silent(scope, passage, 502)
    try:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response, rest = await _handshake(passage, inner, outer)
        except (OSError, TimeoutError, h11.ProtocolError):
            return gateway.silent(scope, passage, 502)
        passed = headers.from_set(
            response.headers,
            place=passage.place,
            stripped=None if upstream.prefix == passage.place.path else upstream.prefix,
            hosts={f"{upstream.host}:{upstream.port}".lower(), headers.first(scope["headers"], b"host").lower()},
        )
        key = headers.first(scope["headers"], b"sec-websocket-key").encode()
        if response.status_code != 101:
            refused = Response(rest[:_MOST_REFUSAL], response.status_code)
            refused.raw_headers = [each for each in passed if each[0] != b"content-length"]
            return refused
        wanted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        if headers.first(passed, b"sec-websocket-accept") != wanted.decode():
            return gateway.silent(scope, passage, 502)
        head = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), *passed]
        writer.write(_head(b"101 Switching Protocols", head) + rest)
        await _join(gateway, passage, (reader, writer), (inner, outer))
        return None
    finally:
        outer.close()


async def _handshake(
    passage: Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[h11.Response | h11.InformationalResponse, bytes]:
    """Send the request; return the response, and what came behind its head: of another one than 101, its body."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
    sent = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), *passage.headers]
    sent = [each for each in sent if each[0] != b"content-length"]
    writer.write(connection.send(h11.Request(method=b"GET", target=passage.target, headers=sent)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    found: h11.Response | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(PIECE))
        elif isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:
                return event, connection.trailing_data[0]
        elif isinstance(event, h11.Response):
            found = event
        elif isinstance(event, h11.Data):
            body += event.data
        if found is not None and (len(body) > _MOST_REFUSAL or isinstance(event, h11.EndOfMessage)):
            return found, body
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(gateway: Gateway, passage: Passage, client: _Ends, inner: _Ends) -> None:
    """Pass bytes both ways until an end closes, takes nothing, or the session is over."""
    ways = [_pump(client[0], inner[1]), _pump(inner[0], client[1]), gateway.over(passage)]
    tasks = [asyncio.ensure_future(each) for each in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        async with asyncio.timeout(STUCK_SECONDS):
            await writer.drain()


async def _answer(writer: asyncio.StreamWriter, response: Response) -> None:
    body = bytes(response.body)
    kept = [each for each in response.raw_headers if each[0] != b"content-length"]
    length = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    writer.write(_head(str(response.status_code).encode() + b" Refused", [*kept, *length]) + body)
    with suppress(OSError):
        async with asyncio.timeout(STUCK_SECONDS):
            await writer.drain()


def _head(status: bytes, pairs: headers.Headers) -> bytes:
    lines = [b"HTTP/1.1 " + status, *(name + b": " + value for name, value in pairs)]
    return b"\r\n".join(lines) + b"\r\n\r\n"
