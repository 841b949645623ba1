"""What stands for the IDE of a set: it says what it got, streams, takes uploads, and speaks WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from workbench.replicasets.api.serving import listen


@dataclass
class Ide:
    """The server, and what it was sent: the heads of requests, by the order they came in."""

    port: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    # What responses have beside their own headers.
    more: list[tuple[bytes, bytes]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    page: str = "<!doctype html><title>an IDE</title><h1>an IDE</h1>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await self._socket(scope, receive, send)
        if scope["type"] != "http":
            return None
        path = scope["path"].rpartition("/")[2]
        head = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        self.seen.append({"method": scope["method"], "target": target, "headers": head})

        async def start(status: int, *headers: tuple[bytes, bytes]) -> None:
            await send({"type": "http.response.start", "status": status, "headers": [*headers, *self.more]})

        async def body(data: bytes, more: bool = False) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": more})

        if path == "upload":
            count, digest = 0, hashlib.sha256()
            while True:
                message = await receive()
                count += len(message.get("body", b""))
                digest.update(message.get("body", b""))
                if not message.get("more_body"):
                    break
            await start(200)
            return await body(json.dumps([count, digest.hexdigest()]).encode())
        if path == "events":
            await start(200, (b"content-type", b"text/event-stream"))
            await body(b"data: 1\n\n", True)
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return None
        if path == "large":
            await start(200, (b"content-length", str(64 << 20).encode()))
            for _ in range(64):
                await body(b"x" * (1 << 20), True)
            return await body(b"")
        if path.isdigit():
            await start(int(path), (b"location", b"/elsewhere"), (b"etag", b'"1"'))
            return await body(b"")
        await start(200, (b"content-type", b"text/html"))
        return await body(self.page.encode())

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.seen.append({"target": scope["path"], "headers": {k.decode(): v.decode() for k, v in scope["headers"]}})
        if scope["path"].endswith("/denied"):
            await send({"type": "websocket.close"})
            return
        offered = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "end":
                await send({"type": "websocket.close", "code": 4321, "reason": "as you said"})
                return
            await send({"type": "websocket.send", **{k: message[k] for k in ("text", "bytes") if message.get(k)}})
        self.gone.set()


class _Server(uvicorn.Server):
    ide: Ide

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self.ide.over


@contextmanager
def ide() -> Iterator[Ide]:
    """Yield a running one."""
    found = Ide()
    listening = listen("127.0.0.1", 0)
    found.port = listening.getsockname()[1]
    config = uvicorn.Config(found, lifespan="off", log_level="error", ws="websockets-sansio", ws_max_size=64 << 20)
    config.timeout_graceful_shutdown = 1
    server = _Server(config)
    server.ide = found
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield found
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


async def pieces(count: int, size: int = 1 << 20) -> AsyncIterator[bytes]:
    """Yield so many pieces, and let others run meanwhile."""
    for number in range(count):
        yield bytes([number % 251]) * size
        await asyncio.sleep(0)
