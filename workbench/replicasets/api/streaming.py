"""A program's output as it comes, as lines of JSON; the program ends with its client."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.operations.execute import Execution

NDJSON = "application/x-ndjson"


class Streamed(StreamingResponse):
    """The lines of a program that runs."""

    def __init__(self, running: Execution) -> None:
        super().__init__(_lines(running), media_type=NDJSON)
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; however that ends, the program ends too."""
        try:
            await super().__call__(scope, receive, send)
        except BaseException:
            with CancelScope(shield=True):
                await run_in_threadpool(self._end)
            raise

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait for the client to go, then end the program: while it is silent, nothing else would notice."""
        await super().listen_for_disconnect(receive)
        await run_in_threadpool(self._end)

    def _end(self) -> None:
        try:
            self._running.close()
        except ReplicaSetError:
            pass  # the engine is gone, and so is the client that would be told


def _lines(running: Execution) -> Iterator[str]:
    """Yield what a program writes; characters are not torn where its writes are."""
    decoders = {number: codecs.getincrementaldecoder("utf-8")("replace") for number in (1, 2)}
    try:
        for number, piece in running:
            if text := decoders[number].decode(piece):
                yield json.dumps({"stream": number, "text": text}) + "\n"
        for number, decoder in decoders.items():
            if text := decoder.decode(b"", True):
                yield json.dumps({"stream": number, "text": text}) + "\n"
        end = {"exitCode": running.exit_code, "timedOut": running.timed_out, "cut": running.cut}
        yield json.dumps(end) + "\n"
    except ReplicaSetError as error:
        yield json.dumps({"code": int(error.code), "msg": error.message}) + "\n"
    finally:
        running.close()
