"""Changes as they happen, as server-sent events (the HTML standard, section 9.2): nobody needs to poll."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, TypeVar, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from workbench.replicasets.api.context import BEARER, RequestCaller
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.pages import seen, set_bytes, volume_bytes
from workbench.replicasets.listing import Listing
from workbench.replicasets.values import Caller

R = TypeVar("R")
ROUTES = APIRouter(tags=["changes"], dependencies=[BEARER], responses=RESPONSES)
EVENT_STREAM = "text/event-stream"
# So often something is sent, for whatever is on the way to take the stream for a living one.
QUIET_SECONDS = 15.0


@ROUTES.get("/events", responses={200: {"content": {EVENT_STREAM: {"schema": {}}}}})
async def events(
    request: Request,
    caller: RequestCaller,
    seconds: Annotated[float, Query(ge=0, le=86_400, description="end the stream after so long; 0 for never")] = 0,
) -> StreamingResponse:
    """Stream the sets and volumes that the caller sees, and then what changes, as it changes.

    First there is an event `set` or `volume` for each, and `sync` after the last. Then the same events for what is new
    or changed, and `set-deleted` or `volume-deleted`. The data is what lists have of it, of deleted ones the name.
    After a break begin anew: what is not seen before `sync` is gone.
    """
    following = cast(Following, request.app.state.following)
    # While an error can still be a response.
    first = await following.current()
    allowed = cast(Callable[[], bool], request.state.allowed)
    sent = _events(following, first, caller, allowed, seconds)
    # nginx and others like it would keep events until there are enough of them.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(sent, media_type=EVENT_STREAM, headers=headers)


async def _events(
    following: Following, first: Listing, caller: Caller, allowed: Callable[[], bool], seconds: float
) -> AsyncIterator[bytes]:
    until = time.monotonic() + seconds if seconds else float("inf")
    sent, listing, begun = Listing({}, {}), first, False
    old_sets, old_volumes = sent.sets, sent.volumes
    async with following.followed():
        while not following.ended and allowed():
            sets, volumes = seen(listing.sets, caller), seen(listing.volumes, caller)
            text = _changes(old_sets, sets, b"set", lambda row: set_bytes(row, caller))
            text += _changes(old_volumes, volumes, b"volume", lambda row: volume_bytes(row, caller))
            if not begun:
                begun, text = True, [b"retry: 2000\n\n", *text, b"event: sync\ndata: {}\n\n"]
            if text or listing is sent:
                yield b"".join(text) or b": quiet\n\n"
            old_sets, old_volumes = sets, volumes
            sent, left = listing, until - time.monotonic()
            if left <= 0:
                return
            listing = await following.change(sent, min(QUIET_SECONDS, left))
            if listing is sent and until - time.monotonic() <= 0:
                return
            # Other streams have their turn.
            await asyncio.sleep(0)


def _changes(old: Mapping[str, R], new: Mapping[str, R], kind: bytes, shown: Callable[[R], bytes]) -> list[bytes]:
    """Return the events that lead from the rows `old` to `new`."""
    changed = [row for name, row in new.items() if old.get(name) is not row]
    gone = [json.dumps({"name": name}).encode() for name in old if name not in new]
    found = [b"event: %b\ndata: %b\n\n" % (kind, shown(row)) for row in changed]
    return found + [b"event: %b-deleted\ndata: %b\n\n" % (kind, data) for data in gone]
