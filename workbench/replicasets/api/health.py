"""Whether the service lives and can work, its numbers, and its page."""

from __future__ import annotations

import os
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel

from workbench.replicasets.api.context import BEARER, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.metrics import CONTENT_TYPE, Requests, metrics
from workbench.replicasets.api.responses import Envelope, ReadyResponse, SetProblem

OPEN = APIRouter(tags=["service"], responses={405: RESPONSES[405], 413: RESPONSES[413]})
LOCKED = APIRouter(tags=["service"], dependencies=[BEARER], responses=RESPONSES)
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
# Nothing from elsewhere, nothing written into the page, and no other site may frame it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Pong(BaseModel):
    """What the original's /ping answers."""

    message: str = "pong"


@OPEN.get("/healthz")
async def alive() -> Envelope[None]:
    """Answer as long as the service runs; engine and store are not used."""
    return Envelope()


@OPEN.get("/readyz", responses={status: RESPONSES[status] for status in (400, 502, 503)})
def ready(request: Request, service: Service) -> Envelope[ReadyResponse]:
    """Answer well when engine, store and GPU specs can be used; with a token, also what is wrong with which set.

    A set that cannot be settled or started is no reason to take the service away from all others: the status is 200.
    """
    service.check()
    found = service.reconciled
    problems = found.problems if found else ()
    known = getattr(request.state, "caller", None) is not None
    return Envelope(
        data=ReadyResponse(
            reconciledAt=found.at if found else "",
            problems=len(problems),
            details=[SetProblem(set=each.set, message=each.message) for each in problems] if known else [],
        )
    )


@LOCKED.get("/ping")
async def ping() -> Pong:
    """Answer as the original does."""
    return Pong()


@LOCKED.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def numbers(request: Request, service: Service) -> PlainTextResponse:
    """Return numbers for Prometheus."""
    counted = cast(Requests, request.app.state.requests)
    return PlainTextResponse(metrics(service, counted), media_type=CONTENT_TYPE)


@OPEN.get("/", include_in_schema=False)
def page() -> FileResponse:
    """Return the page."""
    return FileResponse(os.path.join(_FOLDER, "index.html"), headers=_HEADERS)


@OPEN.get("/page.js", include_in_schema=False)
def script() -> FileResponse:
    """Return the page's script."""
    return FileResponse(os.path.join(_FOLDER, "page.js"), headers=_HEADERS)


@OPEN.get("/page.css", include_in_schema=False)
def style() -> FileResponse:
    """Return the page's style."""
    return FileResponse(os.path.join(_FOLDER, "page.css"), headers=_HEADERS)
