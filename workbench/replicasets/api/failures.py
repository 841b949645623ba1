"""Errors as answers: the envelope with a code, and the status that HTTP has for it."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from workbench.replicasets.api.bodies import FIELDS, RunBody
from workbench.replicasets.api.responses import ErrorEnvelope
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import (
    Busy,
    Conflict,
    Exhausted,
    Failed,
    Forbidden,
    GpusBusy,
    Invalid,
    NotFound,
    ReplicaSetError,
    Unavailable,
    Unsupported,
)

STATUSES: tuple[tuple[type[ReplicaSetError], int], ...] = (
    (Invalid, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Exhausted, 409),
    (Busy, 409),
    (Unavailable, 503),
    (Failed, 502),
    (Unsupported, 501),
    # The rest: specs of GPUs that cannot be read, and other things of the machine that an operator has to mend.
    (ReplicaSetError, 503),
)

_DESCRIPTIONS = {
    400: "malformed request",
    401: "no token, or an unknown one",
    403: "the token's role or quota does not allow it, or it belongs to another (code 1105)",
    404: "not found",
    405: "nothing here answers to that method",
    408: "the body did not come in time",
    409: "it is in a state that forbids it, another operation is at it, or too little is free",
    413: "the body is too large",
    414: "the path is too long",
    422: "the body or a parameter is malformed (code 1000)",
    429: "too much at once: of this token, or refused requests of this address; `Retry-After` says when to try again",
    431: "the headers are too long",
    501: "the engine cannot do that (code 1107)",
    502: "the engine refused; what had been done was undone",
    503: "the engine or the store does not answer; what was begun is finished or undone later",
}
# For every endpoint: what it may answer beside success.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope, "description": text} for status, text in _DESCRIPTIONS.items()
}

_LOG = logging.getLogger("workbench.replicasets.api")


def status_of(error: ReplicaSetError) -> int:
    """Return the HTTP status of an error."""
    if error.code is Code.QUOTA:
        return 403
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def refusal(
    status: int,
    code: int,
    message: str,
    hint: str = "",
    headers: dict[str, str] | None = None,
    field: str = "",
    gpus: int = 0,
) -> JSONResponse:
    """Return the answer. Half a character that a client sent may be in the message: it is replaced."""
    words = [text.encode("utf-8", "replace").decode() for text in (message, hint)]
    body = ErrorEnvelope(code=code, msg=words[0], hint=words[1], field=field, gpus=gpus).model_dump()
    left_out = {name for name in ("field", "gpus") if not body[name]}
    return JSONResponse({name: value for name, value in body.items() if name not in left_out}, status, headers)


def handle(app: FastAPI) -> None:
    """Make every error that reaches `app` an answer."""

    @app.exception_handler(ReplicaSetError)
    async def _known(request: Request, error: ReplicaSetError) -> JSONResponse:
        request.state.code, request.state.message = int(error.code), error.message
        retry = {"Retry-After": "5"} if isinstance(error, Busy | Unavailable) else None
        field = FIELDS.get(error.field, error.field)
        gpus = error.gpus if isinstance(error, GpusBusy) else 0
        return refusal(status_of(error), int(error.code), error.message, error.hint, retry, field, gpus)

    @app.exception_handler(RequestValidationError)
    async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        request.state.code, request.state.message = int(Code.BODY), f"{where}: {first['msg']}"
        field = next((str(part) for part in first["loc"][1:2] if part in RunBody.model_fields), "")
        return refusal(422, Code.BODY, f"{where}: {first['msg'][:200]}", field=field)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = int(Code.BODY) if error.status_code == 400 else error.status_code
        request.state.code, request.state.message = code, str(error.detail)
        return refusal(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("a bug, at %s %s", request.method, request.url.path, exc_info=error)
        return refusal(500, Code.BUSY, "this is a bug of the service; its log has the details")
