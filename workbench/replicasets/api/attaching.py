"""A program and the WebSocket of its client: who may send how much, and what ends when the other does."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync
from starlette.websockets import WebSocket, WebSocketDisconnect

from workbench.errors import WorkbenchError
from workbench.replicasets.errors import Invalid, ReplicaSetError
from workbench.replicasets.operations.attach import Attached, size

# How many bytes each side may send before the other took them: so a client that takes nothing holds its program up
# and costs no more, and pings are never behind what is not taken.
WINDOW = 256 << 10
_PIECE = 32 << 10
_LOOK_SECONDS = 1.0
# What uvicorn (0.54) closes all WebSockets with when it ends.
_SERVICE_ENDS = 1012
ENDS = "the service ends"
GONE = "the client went away"
STOPPED = "the set was stopped, or runs as another version now"
T = TypeVar("T")


class Session:
    """A program that runs for a client; `reason` returns why it may not go on, "" while it may."""

    def __init__(
        self, socket: WebSocket, attached: Attached, threads: CapacityLimiter, reason: Callable[[], str]
    ) -> None:
        self._socket, self._attached, self._threads, self._reason = socket, attached, threads, reason
        # Input that the program did not take yet, None for its end; and how many bytes of output the client did not.
        self._input: deque[bytes | None] = deque()
        self._untaken_input = self._untaken = 0
        self._has_input, self._has_room, self._has_size = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._size = (0, 0)

    async def run(self) -> dict[str, object]:
        """Return the last message when one of the two has ended; the other one has then, too."""
        ends = [asyncio.create_task(each) for each in (self._read(), self._receive(), self._watch())]
        others = [asyncio.create_task(each) for each in (self._write(), self._resize())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            done = next(each for each in ends if each.done())
        finally:
            with CancelScope(shield=True):
                await self._thread(self._close)
            for each in (*ends, *others):
                each.cancel()
            await asyncio.gather(*ends, *others, return_exceptions=True)
        try:
            return done.result()
        except WebSocketDisconnect:
            return {"ended": GONE}
        except ReplicaSetError as error:
            return {"code": int(error.code), "msg": error.message, "hint": error.hint}

    async def _read(self) -> dict[str, object]:
        """Send what the program writes."""
        await self._socket.send_json({"window": WINDOW})
        pieces = iter(self._attached)
        while (found := await self._thread(lambda: next(pieces, None))) is not None:
            stream, data = found
            for at in range(0, len(data), _PIECE):
                piece = data[at : at + _PIECE]
                while self._untaken + len(piece) > WINDOW:
                    self._has_room.clear()
                    await self._has_room.wait()
                self._untaken += len(piece)
                await self._socket.send_bytes(bytes([stream]) + piece)
        code = await self._thread(self._attached.outcome)
        return {"ended": STOPPED} if code is None else {"exitCode": code}

    async def _receive(self) -> dict[str, object]:
        """Take what the client sends; none of it is waited for, so that its end is always seen."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return {"ended": ENDS if message.get("code") == _SERVICE_ENDS else GONE}
            if data := message.get("bytes"):
                self._untaken_input += len(data)
                if self._untaken_input > WINDOW:
                    raise Invalid(f"more than {WINDOW} bytes were sent that are not taken yet")
                self._put(data)
            elif text := message.get("text"):
                self._control(text)

    def _control(self, text: str) -> None:
        """Do what a message requests; raises Invalid."""
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        match found:
            case {"taken": int(count)} if 0 < count <= self._untaken:
                self._untaken -= count
                self._has_room.set()
            case {"rows": int(rows), "columns": int(columns)}:
                self._size = size(rows, columns)
                self._has_size.set()
            case {"eof": True}:
                if None not in self._input:
                    self._put(None)
            case _:
                raise Invalid(f"{text[:60]!r} is not a message of a client")

    def _put(self, data: bytes | None) -> None:
        self._input.append(data)
        self._has_input.set()

    async def _write(self) -> None:
        """Give the program its input, as fast as it takes it; what comes after it takes no more is dropped."""
        takes = True
        while True:
            self._has_input.clear()
            while self._input:
                data = self._input.popleft()
                try:
                    if data is None:
                        await self._thread(self._attached.end_input)
                    elif takes:
                        await self._thread(partial(self._attached.write, data))
                except ReplicaSetError:
                    takes = False
                if data is not None:
                    self._untaken_input -= len(data)
                    await self._socket.send_json({"taken": len(data)})
            await self._has_input.wait()

    async def _resize(self) -> None:
        """Give the terminal the newest size; those that came meanwhile are passed over."""
        while True:
            await self._has_size.wait()
            self._has_size.clear()
            try:
                await self._thread(partial(self._attached.resize, *self._size))
            except ReplicaSetError:
                pass  # the engine is gone: its stream ends for the reader

    async def _watch(self) -> dict[str, object]:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if reason := self._reason():
                    return {"ended": reason}
            except WorkbenchError:
                pass  # tokens cannot be read just now

    def _close(self) -> None:
        try:
            self._attached.close()
        except ReplicaSetError:
            pass  # the engine is gone

    async def _thread(self, do: Callable[[], T]) -> T:
        return await run_sync(do, limiter=self._threads)
