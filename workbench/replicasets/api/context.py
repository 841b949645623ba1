"""What endpoints are given of the application and of the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer

from workbench.replicasets.api.compat import Compat
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

# For the document alone: the gate has checked the token before.
BEARER = Security(HTTPBearer(auto_error=False, description="a token of the service"))


async def _service(request: Request) -> ReplicaSets:
    return cast(ReplicaSets, request.app.state.service)


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


async def _note(request: Request) -> Callable[..., None]:
    def note(**what: object) -> None:
        request.state.what = what

    return note


async def _compat(request: Request) -> Compat:
    return cast(Compat, request.app.state.compat)


async def _going_on(request: Request) -> Callable[[], bool]:
    allowed, app = cast(Callable[[], bool], request.state.allowed), request.app
    return lambda: not app.state.stopping() and allowed()


# How far the service is the original's.
InCompat = Annotated[Compat, Depends(_compat)]
Service = Annotated[ReplicaSets, Depends(_service)]
# Who sent the request: the gate made it of the token.
RequestCaller = Annotated[Caller, Depends(_caller)]
# A function that has the audit log record its keyword arguments with the request.
AuditNote = Annotated[Callable[..., None], Depends(_note)]
# A function that says whether what lasts may go on: the token is still valid, and the service goes on.
GoingOn = Annotated[Callable[[], bool], Depends(_going_on)]
# Of lists: how many a page has, and the name after which it begins.
Limit = Annotated[int, Query(ge=0, le=100_000, description="at most so many; 0 for all")]
After = Annotated[str, Query(alias="continue", max_length=200, description="what the page before had as `continue`")]
