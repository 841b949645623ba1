"""What sets write, and waiting for what they become."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import Callable
from typing import Annotated, cast

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request

from workbench.replicasets.api.context import BEARER, AuditNote, GoingOn, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.responses import AddressResponse, Envelope, LogPiece, LogsResponse, WaitResponse
from workbench.replicasets.api.streaming import NDJSON, Streamed
from workbench.replicasets.checks import set_name
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import failing_as
from workbench.replicasets.operations.logs import MOST_BYTES, MOST_LINES, Logs
from workbench.replicasets.operations.wait import Goal, Outcome, closed_ports, outcome
from workbench.replicasets.requests import LogsRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

# A response is in memory several times before it is sent; a stream is not.
_COLLECTED = 8 << 20
# How long one request waits at most, and how often what is not recorded is looked at.
LONGEST_WAIT = 600.0
_LOOK_SECONDS = 0.5
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


@ROUTES.get("/{name}/address")
def address(
    name: str,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    port: Annotated[int, Query(ge=0, le=65535, description="port inside; 0: the only one, or 8888")] = 0,
) -> Envelope[AddressResponse]:
    """Return where the set's IDE is opened, with its token: for its owner and administrators."""
    note(operation="address", set=name[:60])
    found = service.address(name, port, caller)
    return Envelope(
        data=AddressResponse(host=found.host, port=found.port, path=found.path, token=found.token, tunnel=found.tunnel),
    )


@ROUTES.get("/{name}/wait")
async def wait(
    request: Request,
    name: str,
    service: Service,
    caller: RequestCaller,
    going_on: GoingOn,
    goal: Annotated[Goal, Query(alias="for", description="ready: something accepts connections at each port")] = (
        Goal.RUNNING
    ),
    seconds: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="answer after so long at the latest")] = 60,
) -> Envelope[WaitResponse]:
    """Wait until the set is what is waited for, or will never be by itself; answer how it stands then."""
    until = time.monotonic() + seconds
    following = cast(Following, request.app.state.following)
    with failing_as(Code.INFO):
        set_name(name)
        async with following.followed():
            found = await _outcome(following, service, name, goal, caller)
            while not found.holds and not found.never and going_on() and (left := until - time.monotonic()) > 0:
                await _change(following, min(left, _LOOK_SECONDS))
                found = await _outcome(following, service, name, goal, caller)
    return Envelope(data=WaitResponse(holds=found.holds, never=found.never, reason=found.reason))


async def _change(following: Following, seconds: float) -> None:
    """Wait until something changes, or so long."""
    await following.change(await following.current(), seconds)
    # What follows may have an older listing for a moment, and then it does not wait.
    await asyncio.sleep(0.02)


async def _outcome(following: Following, service: ReplicaSets, name: str, goal: Goal, caller: Caller) -> Outcome:
    row = (await following.current()).sets.get(name)
    if row is None or not caller.may_see(row.set.owner):
        # It is being run for the first time, or else this raises that there is none.
        await run_sync(lambda: service.progress(name, caller))
        return Outcome(reason=f"{name} is being run")
    found = outcome(row.set, row.doing, goal)
    if not found.holds or goal is not Goal.READY:
        return found
    looking: Callable[[], list[int]] = lambda: closed_ports(row.version, service.settings.publish)  # noqa: E731
    closed = await run_sync(looking)
    return Outcome(reason=f"nothing answers at port {closed[0]} of {name} yet") if closed else found
