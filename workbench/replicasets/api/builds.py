"""Images built from recipes: an endpoint a function. Without `serve --builds` nobody may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import APIRouter, Path, Request

from workbench.replicasets.api.build_shapes import (
    BuildBody,
    BuildsResponse,
    BuildView,
    QuestionsResponse,
    build_view,
    question_view,
)
from workbench.replicasets.api.context import BEARER, AuditNote, GoingOn, RequestCaller
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.responses import Envelope
from workbench.replicasets.api.streaming import NDJSON, Streamed
from workbench.replicasets.builds.queue import Builds
from workbench.replicasets.errors import Forbidden, NotFound
from workbench.replicasets.values import Caller

ROUTES = APIRouter(prefix="/builds", tags=["builds"], dependencies=[BEARER], responses=RESPONSES)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_OFF = "this service builds no images"


def _builds(request: Request) -> Builds:
    found = cast(Builds | None, request.app.state.builds)
    if found is None:
        raise Forbidden(_OFF, hint="the operator turns it on: `serve --builds`")
    return found


def _kept(request: Request, number: int) -> Builds:
    """Return the builds where there may be one of that number."""
    found = cast(Builds | None, request.app.state.builds)
    if found is None:
        raise NotFound(f"there is no build {number}", hint=_OFF)
    return found


@ROUTES.get("")
def builds(request: Request, caller: RequestCaller) -> Envelope[BuildsResponse]:
    """List the caller's builds, newest first; an administrator's list has all."""
    found = cast(Builds | None, request.app.state.builds)
    if found is None:
        return Envelope(data=BuildsResponse(builds=[], refusal=_OFF))
    views = [build_view(each) for each in found.builds(caller)]
    return Envelope(data=BuildsResponse(builds=views, refusal=found.refusal(caller)))


@ROUTES.post("/questions")
def questions(body: BuildBody, request: Request, caller: RequestCaller) -> Envelope[QuestionsResponse]:
    """Show what can be built: the wizard's questions after the answers so far, with what is impossible, and why."""
    found = _builds(request).questions(body.answers, caller)
    return Envelope(data=QuestionsResponse(questions=[question_view(each) for each in found]))


@ROUTES.post("")
def build(body: BuildBody, request: Request, caller: RequestCaller, note: AuditNote) -> Envelope[BuildView]:
    """Queue the build of an image: its recipe, and what of its bases is not there yet. It goes on by itself."""
    note(operation="build", answers={key[:60]: value[:60] for key, value in body.answers.items()})
    return Envelope(data=build_view(_builds(request).start(body.answers, caller)))


@ROUTES.get("/{number}")
def show(number: Number, request: Request, caller: RequestCaller) -> Envelope[BuildView]:
    """Show how a build stands."""
    return Envelope(data=build_view(_kept(request, number).build(number, caller)))


@ROUTES.get("/{number}/logs", responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}})
def logs(number: Number, request: Request, caller: RequestCaller, going_on: GoingOn) -> Streamed:
    """Stream a build's log from its beginning until the build is over, as lines `{"stream": 1, "text": ...}`.

    The last line is the build: `{"state": ..., "image": ..., "reason": ...}`.
    """
    found = _kept(request, number)
    return Streamed(found.log(number, caller), _ending(found, number, caller), going_on)


def _ending(found: Builds, number: int, caller: Caller) -> Callable[[], dict[str, object]]:
    return lambda: build_view(found.build(number, caller)).model_dump(mode="json")


@ROUTES.delete("/{number}")
def cancel(number: Number, request: Request, caller: RequestCaller, note: AuditNote) -> Envelope[BuildView]:
    """Cancel a build, that waits or runs."""
    note(operation="cancel build", number=number)
    return Envelope(data=build_view(_kept(request, number).cancel(number, caller)))
