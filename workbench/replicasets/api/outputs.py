"""What sets write, and waiting for what they become."""

from __future__ import annotations

import codecs
from typing import Annotated

from fastapi import APIRouter, Query

from workbench.replicasets.api.context import BEARER, AuditNote, GoingOn, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.responses import Envelope, LogPiece, LogsResponse
from workbench.replicasets.api.streaming import NDJSON, Streamed
from workbench.replicasets.operations.logs import MOST_BYTES, MOST_LINES, Logs
from workbench.replicasets.requests import LogsRequest

# A response is in memory several times before it is sent; a stream is not.
_COLLECTED = 8 << 20
ROUTES = APIRouter(prefix="/replicaSet", tags=["replica sets"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.get(
    "/{name}/logs",
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}, "model": Envelope[LogsResponse]}},
    response_model=Envelope[LogsResponse],
)
def logs(
    name: str,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    going_on: GoingOn,
    tail: Annotated[int, Query(ge=0, le=MOST_LINES, description="the last lines: at most so many")] = 1000,
    since: Annotated[str, Query(max_length=60, description="`10m` (ago), or a time in ISO 8601")] = "",
    version: Annotated[int, Query(ge=0, le=2**31 - 1, description="0 for the current one")] = 0,
    stream: Annotated[bool, Query(description="answer line by line")] = False,
    follow: Annotated[bool, Query(description="and go on, until the container ends")] = False,
) -> Envelope[LogsResponse] | Streamed:
    """Return what a version of the set wrote; only the owner and administrators may read it.

    At most 8 MiB, and 64 MiB streamed. Streamed, each line is `{"stream": 1 or 2, "text": ...}`, and the last one
    `{"cut": ..., "ended": ...}`, `ended` with a reason when the service ended it; or `{"code", "msg"}` when the engine
    failed on the way.
    """
    note(operation="logs", set=name[:60], version=version, follow=follow)
    most = MOST_BYTES if stream or follow else _COLLECTED
    found = service.logs(name, LogsRequest(tail, since, version, follow, most), caller)
    if stream or follow:
        return Streamed(found, lambda: {"cut": found.cut, "ended": _ended(going_on())}, going_on)
    return Envelope(data=LogsResponse(pieces=_collected(found), cut=found.cut))


def _ended(goes_on: bool) -> str:
    return "" if goes_on else "the service ends, or the token is no longer valid"


def _collected(found: Logs) -> list[LogPiece]:
    decoders = {number: codecs.getincrementaldecoder("utf-8")("replace") for number in (1, 2)}
    pieces: list[tuple[int, list[str]]] = []
    for number, piece in found:
        if not pieces or pieces[-1][0] != number:
            pieces.append((number, []))
        pieces[-1][1].append(decoders[number].decode(piece))
    for number, texts in pieces[-1:]:
        texts.append(decoders[number].decode(b"", True))
    return [LogPiece(stream=number, text="".join(texts)) for number, texts in pieces]
