"""Output as it comes, as lines of JSON: a program's, which ends with its client, and what a container writes."""

from __future__ import annotations

import asyncio
import codecs
import json
from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from workbench.replicasets.errors import ReplicaSetError

NDJSON = "application/x-ndjson"


# How often it is looked whether a stream may go on.
_LOOK_SECONDS = 1.0


class BrokenOff(Exception):
    """A response that has begun cannot be whole: the connection is closed, so that nobody takes it for that."""


class Closing(Protocol):
    """What has an end."""

    def close(self) -> None:
        """End it, from any thread."""


class Output(Closing, Protocol):
    """What is written: iterate over it for (1 or 2, bytes)."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is written."""


class Lasting(StreamingResponse):
    """What is sent as it comes, of something that is closed when the client goes, or `may_go_on` says no."""

    def __init__(
        self,
        content: Iterator[str] | Iterator[bytes],
        running: Closing,
        media_type: str,
        may_go_on: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(content, media_type=media_type)
        self._content, self._running, self._may_go_on = content, running, may_go_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; however that ends, the program ends too."""
        watching = asyncio.create_task(self._watch())
        try:
            await super().__call__(scope, receive, send)
        except BaseException:
            with CancelScope(shield=True):
                await run_in_threadpool(self._end)
            raise
        finally:
            watching.cancel()
            with CancelScope(shield=True):
                await run_in_threadpool(self._let_go)

    def _let_go(self) -> None:
        """Close what is sent where it was broken off, and with it the connection that it reads from.

        The garbage collector would do it some time, in any thread: in one that httpcore (1.0) has taken the lock of its
        connections in, that waits for itself, and the others for it.
        """
        if isinstance(self._content, Generator):
            self._content.close()

    async def _watch(self) -> None:
        while self._may_go_on is not None:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._may_go_on():
                await run_in_threadpool(self._end)
                return

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait for the client to go, then end the program: while it is silent, nothing else would notice."""
        await super().listen_for_disconnect(receive)
        await run_in_threadpool(self._end)

    def _end(self) -> None:
        try:
            self._running.close()
        except ReplicaSetError:
            pass  # the engine is gone, and so is the client


class Streamed(Lasting):
    """The lines of what is written, and `end` as the last one."""

    def __init__(
        self, running: Output, end: Callable[[], dict[str, object]], may_go_on: Callable[[], bool] | None = None
    ) -> None:
        super().__init__(_lines(running, end), running, NDJSON, may_go_on)


def _lines(running: Output, end: Callable[[], dict[str, object]]) -> Iterator[str]:
    """Yield what is written; characters are not torn where writes are."""
    decoders = {number: codecs.getincrementaldecoder("utf-8")("replace") for number in (1, 2)}
    try:
        for number, piece in running:
            if text := decoders[number].decode(piece):
                yield json.dumps({"stream": number, "text": text}) + "\n"
        for number, decoder in decoders.items():
            if text := decoder.decode(b"", True):
                yield json.dumps({"stream": number, "text": text}) + "\n"
        yield json.dumps(end()) + "\n"
    except ReplicaSetError as error:
        yield json.dumps({"code": int(error.code), "msg": error.message}) + "\n"
    finally:
        running.close()
