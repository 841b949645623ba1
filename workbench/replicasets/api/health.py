"""Whether the service lives and can work, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from workbench.replicasets.api.context import BEARER
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.metrics import CONTENT_TYPE
from workbench.replicasets.api.probes import Probe
from workbench.replicasets.api.responses import Envelope, ReadyResponse, SetProblem
from workbench.replicasets.problems import Problem
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

OPEN = APIRouter(tags=["service"], responses={405: RESPONSES[405], 413: RESPONSES[413]})
LOCKED = APIRouter(tags=["service"], dependencies=[BEARER], responses=RESPONSES)


class Pong(BaseModel):
    """What the original's /ping answers."""

    message: str = "pong"


@OPEN.get("/healthz")
async def alive() -> Envelope[None]:
    """Answer as long as the service runs; engine and store are not used."""
    return Envelope()


@OPEN.get("/readyz", responses={status: RESPONSES[status] for status in (400, 502, 503)})
async def ready(request: Request) -> Envelope[ReadyResponse]:
    """Answer well when engine, store and GPU specs can be used; with a token, also what is wrong with which set.

    The answer is at most a second old. A set that cannot be settled or started is no reason to take the service away
    from all others: the status is 200.
    """
    await cast(Probe[None], request.app.state.ready)()
    found = cast(ReplicaSets, request.app.state.service).reconciled
    problems = found.problems if found else ()
    caller = getattr(request.state, "caller", None)
    details = await _seen(problems, request, caller) if caller is not None else []
    return Envelope(
        data=ReadyResponse(
            reconciledAt=found.at if found else "",
            problems=len(problems),
            details=[SetProblem(set=each.set, message=each.message) for each in details],
        )
    )


async def _seen(problems: Sequence[Problem], request: Request, caller: Caller) -> Sequence[Problem]:
    """Return the problems of sets that the caller sees."""
    if caller.may_see_all or not problems:
        return problems
    sets = (await cast(Following, request.app.state.following).current()).sets
    return [each for each in problems if each.set in sets and caller.may_see(sets[each.set].owner)]


@OPEN.get("/ping")
async def ping() -> Pong:
    """Answer as the original does."""
    return Pong()


@LOCKED.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
async def numbers(request: Request) -> PlainTextResponse:
    """Return numbers for Prometheus."""
    return PlainTextResponse(await cast(Probe[str], request.app.state.numbers)(), media_type=CONTENT_TYPE)
