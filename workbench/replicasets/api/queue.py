"""The queue for GPUs: a place in it is a response that goes on until the turn has come, and was taken."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, cast

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from workbench.replicasets.api.context import BEARER, AuditNote, GoingOn, RequestCaller, Service
from workbench.replicasets.api.events import QUIET_SECONDS
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.resources import HIDDEN
from workbench.replicasets.api.responses import Envelope
from workbench.replicasets.api.streaming import NDJSON
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.turns import Place, Waiting
from workbench.replicasets.values import Caller

# How long one request waits at most, and how long it then has to take what is kept free for it.
LONGEST_SECONDS = 7 * 86_400.0
TAKE_SECONDS = 60.0
# So often it is looked whether anything changed that is in no listing.
_LOOK_SECONDS = 0.5
ROUTES = APIRouter(prefix="/queue", tags=["queue for GPUs"], dependencies=[BEARER], responses=RESPONSES)


class PlaceView(BaseModel):
    """A set's place in the queue for GPUs: how many are `ahead`; `called`: its turn has come."""

    name: str
    owner: str
    gpus: int
    since: str
    ahead: int
    called: bool


class QueueResponse(BaseModel):
    """Who waits for GPUs, next first, and how many are free."""

    waiting: list[PlaceView]
    free: int


@ROUTES.get("")
def places(service: Service, caller: RequestCaller) -> Envelope[QueueResponse]:
    """Show who waits for GPUs, next first; of others' sets that the caller does not see, only that they do."""
    found = service.queue()
    return Envelope(data=QueueResponse(waiting=[_view(each, caller) for each in found.places], free=found.free))


@ROUTES.post(
    "/{name}/turn",
    # By compat, errors have the status 200 too.
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}, "model": Envelope[None]}},
    response_class=StreamingResponse,
)
async def turn(
    request: Request,
    name: str,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    going_on: GoingOn,
    gpus: Annotated[int, Query(ge=1, le=10_000, description="how many the set is to have, those it has included")],
    seconds: Annotated[float, Query(ge=0, le=LONGEST_SECONDS, description="wait so long at most")] = 3600,
) -> StreamingResponse:
    """Wait until so many GPUs are free for the set, which need not exist yet.

    The response is lines of JSON. `{"ahead", "free", "called": false}` comes first and with each change, an empty line
    now and then. `{"called": true, "seconds"}` says that the turn has come: run or change the set within those seconds,
    and then close the response. Closing it before gives the place up. `{"code", "msg"}` is the last line when the turn
    was not taken, did not come in time, or was cancelled.
    """
    note(operation="wait", set=name[:60], gpus=gpus)
    # While an error can still be a response.
    owner = await run_sync(lambda: service.check_turn(name, gpus, caller))
    following = cast(Following, request.app.state.following)
    lines = _lines(service, following, going_on, lambda: service.enter_queue(name, owner, gpus), seconds)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type=NDJSON, headers=headers)


@ROUTES.delete("/{name}")
def cancel(name: str, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[None]:
    """Have a set wait no more for GPUs."""
    note(operation="cancel", set=name[:60])
    service.cancel_turn(name, caller)
    return Envelope()


def _view(place: Place, caller: Caller) -> PlaceView:
    found = place.waiting
    name, owner = (found.set, found.owner) if caller.may_see(found.owner) else (HIDDEN, "")
    return PlaceView(name=name, owner=owner, gpus=found.gpus, since=found.since, ahead=place.ahead, called=place.called)


async def _lines(
    service: ReplicaSets,
    following: Following,
    going_on: Callable[[], bool],
    enter: Callable[[], Waiting],
    seconds: float,
) -> AsyncIterator[str]:
    try:
        entry = enter()
    except ReplicaSetError as error:
        yield _line(code=int(error.code), msg=error.message, hint=error.hint)
        return
    try:
        async for line in _until_called(service, following, going_on, entry, seconds):
            yield line
    except ReplicaSetError as error:
        yield _line(code=int(error.code), msg=error.message, hint=error.hint)
    finally:
        service.leave_queue(entry)


async def _until_called(
    service: ReplicaSets, following: Following, going_on: Callable[[], bool], entry: Waiting, seconds: float
) -> AsyncIterator[str]:
    """Yield the place whenever it is another one, then the turn, then what it ended with."""
    until, called, last, sent = time.monotonic() + seconds, False, "", time.monotonic()
    async with following.followed():
        while going_on():
            listing = await following.current()
            found = await run_sync(service.queue)
            place = found.of(entry)
            if place is None:
                yield _refused(f"the wait of {entry.set} for GPUs was cancelled")
                return
            if place.called and not called:
                called, until = True, time.monotonic() + TAKE_SECONDS
            line = (
                _line(called=True, seconds=TAKE_SECONDS)
                if called
                else _line(ahead=place.ahead, free=found.free, called=False)
            )
            if line != last or time.monotonic() - sent > QUIET_SECONDS:
                yield line if line != last else "\n"
                last, sent = line, time.monotonic()
            left = until - time.monotonic()
            if left <= 0:
                yield _refused(
                    f"the turn of {entry.set} was not taken within {TAKE_SECONDS:g} seconds"
                    if called
                    else f"the GPUs that {entry.set} waits for were not free in time"
                )
                return
            await following.change(listing, min(left, _LOOK_SECONDS))
            # What follows may have an older listing for a moment, and then it does not wait.
            await asyncio.sleep(0.02)
        yield _refused("the service ends, or the token is no longer valid")


def _line(**values: object) -> str:
    return json.dumps(values) + "\n"


def _refused(message: str) -> str:
    return _line(code=int(Code.GPUS_TOO_FEW), msg=message, hint="`rs queue` shows who waits")
