"""The client of a program with input: bytes from one place to the service, and from the service to two others."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from workbench.errors import WorkbenchError
from workbench.replicasets.client import Client, ServiceError

_PIECE = 32 << 10
_OPEN_SECONDS = 10.0
# The service ends: RFC 6455 has no number for it but this ("going away"), uvicorn sends the next.
_ENDS = (1001, 1012)


class _Connect(connect):
    """A connection to one address: a token goes nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow no redirect."""
        return exc


class Attachment:
    """A program that runs at the service; `run` it once. `resize` may be called meanwhile, in the same loop.

    `source` is a file descriptor to read input from, None for none; `ready` is called when the program runs.
    """

    def __init__(
        self, client: Client, path: str, start: dict[str, Any], source: int | None, ready: Callable[[], None]
    ) -> None:
        self._client, self._path, self._start = client, path, start
        self._source, self._ready = source, ready
        self._socket: ClientConnection | None = None
        self._output = _Output()
        self._sending: asyncio.Queue[bytes | dict[str, Any]] = asyncio.Queue()
        self._input: _Input | None = None

    async def run(self) -> int:
        """Return the program's exit code; raises WorkbenchError when it has none."""
        async with await self._connected() as socket:
            self._socket = socket
            sender = asyncio.create_task(self._send(socket))
            try:
                await socket.send(json.dumps(self._start))
                return await self._receive(socket)
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd else 1006
                if code in _ENDS:
                    raise WorkbenchError("the service ends, and with it what ran") from None
                raise WorkbenchError("the connection to the service was lost, and what ran is ended") from None
            finally:
                sender.cancel()
                if self._input is not None:
                    self._input.stop()

    def resize(self, rows: int, columns: int) -> None:
        """Give the program's terminal another size."""
        self._sending.put_nowait({"rows": rows, "columns": columns})

    async def _connected(self) -> ClientConnection:
        try:
            return await _Connect(
                **self._client.websocket(self._path), compression=None, open_timeout=_OPEN_SECONDS, max_size=1 << 20
            )
        except InvalidStatus as error:
            raise self._client.refused(error.response.status_code, bytes(error.response.body or b"")) from None
        except (OSError, InvalidHandshake, TimeoutError) as error:
            raise self._client.unreachable(error) from None

    async def _receive(self, socket: ClientConnection) -> int:
        loop = asyncio.get_running_loop()

        def took(count: int) -> None:
            self._sending.put_nowait({"taken": count})

        async for message in socket:
            if isinstance(message, bytes):
                self._output.put(message[0], message[1:], lambda count: _soon(loop, took, count))
                continue
            found = json.loads(message)
            if "taken" in found and self._input is not None:
                self._input.allow(found["taken"])
            elif "window" in found:
                self._output.start(lambda: _soon(loop, self._broken))
                self._ready()
                if self._source is not None:
                    self._input = _Input(self._source, found["window"], lambda data: _soon(loop, self._read, data))
                    self._input.start()
            elif "exitCode" in found:
                await self._output.written()
                return int(found["exitCode"])
            elif "msg" in found:
                raise ServiceError(found["msg"], found["code"], 200, found.get("hint", ""))
            elif "ended" in found:
                await self._output.written()
                raise WorkbenchError(f"ended: {found['ended']}")
        if self._output.error is not None:
            raise self._output.error
        raise WorkbenchError("the service closed the connection, and what ran is ended")

    async def _send(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                message = await self._sending.get()
                await socket.send(message if isinstance(message, bytes) else json.dumps(message))

    def _read(self, data: bytes) -> None:
        self._sending.put_nowait(data or {"eof": True})

    def _broken(self) -> None:
        """Nobody takes the output any more: the program has no reason to go on."""
        assert self._socket is not None
        self._closing = asyncio.ensure_future(self._socket.close())


def _soon(loop: asyncio.AbstractEventLoop, do: Callable[..., None], *values: Any) -> None:  # noqa: ANN401
    """Have the loop do it, unless it is over."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(do, *values)


class _Input(threading.Thread):
    """Reads from a file descriptor, as much as the service allows, until its end."""

    def __init__(self, source: int, allowed: int, read: Callable[[bytes], None]) -> None:
        super().__init__(daemon=True)
        self._source, self._allowed, self._took = source, allowed, read
        self._more = threading.Condition()
        self._stopped = False
        self._woken, self._wake = os.pipe()

    def allow(self, count: int) -> None:
        """Let it read so much more."""
        with self._more:
            self._allowed += count
            self._more.notify()

    def stop(self) -> None:
        """Have it read nothing any more."""
        with self._more:
            self._stopped = True
            self._more.notify()
        os.write(self._wake, b".")

    def run(self) -> None:
        """Read to the end."""
        while True:
            with self._more:
                while not self._allowed and not self._stopped:
                    self._more.wait()
            readable = select.select([self._source, self._woken], [], [])[0]
            if self._stopped or self._woken in readable:
                return
            try:
                data = os.read(self._source, min(self._allowed, _PIECE))
            except BlockingIOError:
                continue
            except OSError:
                data = b""  # the terminal is gone
            with self._more:
                self._allowed -= len(data)
            self._took(data)
            if not data:
                return


class _Output(threading.Thread):
    """Writes to standard output and standard error, however long those take."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._pieces: queue.SimpleQueue[tuple[int, bytes, Callable[[int], None]] | None] = queue.SimpleQueue()
        self._broken: Callable[[], None] = lambda: None
        self._ended = threading.Event()
        self.error: OSError | None = None

    def put(self, stream: int, data: bytes, took: Callable[[int], None]) -> None:
        """Write it some time, then call `took` with its length."""
        self._pieces.put((stream, data, took))

    def start(self, broken: Callable[[], None] = lambda: None) -> None:
        """Begin; `broken` is called when there is nowhere to write to any more."""
        self._broken = broken
        super().start()

    async def written(self) -> None:
        """Return when all is written; raises the OSError that kept it from that."""
        self._pieces.put(None)
        while not self._ended.is_set():
            await asyncio.sleep(0.005)
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        """Write to the end."""
        try:
            while (piece := self._pieces.get()) is not None:
                stream, data, took = piece
                _write(stream, data)
                took(len(data))
        except OSError as error:
            self.error = error
            self._broken()
        finally:
            self._ended.set()


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # Another process made it so; it is a terminal that both write to.
            select.select([], [descriptor], [])
