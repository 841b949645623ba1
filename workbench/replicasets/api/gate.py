"""What every request passes before anything of it is read: its size, its token, its role; and the log of it."""

from __future__ import annotations

import time
from typing import Any

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.errors import WorkbenchError
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.failures import refusal
from workbench.replicasets.api.metrics import Requests
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.values import Caller, Role

# The page holds no data: it requests all that it shows with the token that it is given.
PAGE = frozenset({"/", "/page.js", "/page.css"})
OPEN = PAGE | {"/healthz", "/readyz"}
# Open, with more in it for who has a token.
DETAILED = frozenset({"/readyz"})
MOST_BYTES = 1 << 20
_TOO_LARGE = f"the body is larger than {MOST_BYTES} bytes"
_READING = ("GET", "HEAD")


class Gate:
    """Closed unless a path is open or the token fits: a new endpoint needs no thought to be safe."""

    def __init__(self, app: ASGIApp, tokens: Tokens, audit: Audit, requests: Requests) -> None:
        self._app, self._tokens, self._audit, self._requests = app, tokens, audit, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        state = scope.setdefault("state", {})
        began, status, taken, recorded = time.monotonic(), 500, 0, False

        async def record() -> None:
            nonlocal recorded
            if not recorded and (scope["method"] not in _READING or status in (401, 403)):
                recorded = True
                seconds = time.monotonic() - began
                # A client that disconnects cancels its request; the line is written all the same.
                with CancelScope(shield=True):
                    await run_in_threadpool(self._audit.write, **_line(scope, state, status, seconds))

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                # A client that has the whole response can rely on its line in the log.
                await record()
            await send(message)

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        try:
            refused = await self._refusal(scope, state)
            if refused is not None:
                state["code"] = refused.status_code
                await refused(scope, receive, sending)
            else:
                await self._app(scope, receiving, sending)
        finally:
            self._requests.count(scope["method"], status, time.monotonic() - began)
            await record()

    async def _refusal(self, scope: Scope, state: dict[str, Any]) -> Any:  # noqa: ANN401
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > MOST_BYTES:
            return refusal(413, 413, _TOO_LARGE)
        if scope["path"] in OPEN and scope["method"] in _READING:
            if scope["path"] in DETAILED and b"authorization" in headers:
                await self._recognize(headers, state)
            return None
        kind, _, plain = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        try:
            token = await run_in_threadpool(self._tokens.find, plain.strip())
        except WorkbenchError as error:
            return refusal(503, 503, error.message)
        if token is None or kind.lower() != "bearer":
            challenge = {"WWW-Authenticate": "Bearer"}
            return refusal(401, 401, "a token is needed", "send it as `Authorization: Bearer TOKEN`", challenge)
        # The one place where a caller is made: everything below is given this value.
        state["caller"] = Caller(token.name, token.role, self._tokens.quota)
        if token.role is Role.READ and scope["method"] not in _READING:
            return refusal(403, 403, f"the token {token.name} may only read", "use one with the role operate or admin")
        return None

    async def _recognize(self, headers: dict[bytes, bytes], state: dict[str, Any]) -> None:
        """Note who sends a request that needs no token; a wrong one is none."""
        plain = headers[b"authorization"].decode("latin-1").partition(" ")[2]
        try:
            token = await run_in_threadpool(self._tokens.find, plain.strip())
        except WorkbenchError:
            return
        if token is not None:
            state["caller"] = Caller(token.name, token.role, self._tokens.quota)


def _line(scope: Scope, state: dict[str, Any], status: int, seconds: float) -> dict[str, object]:
    caller: Caller | None = state.get("caller")
    return {
        "who": caller.name if caller else "",
        "from": scope["client"][0] if scope.get("client") else "",
        "method": scope["method"],
        "path": scope["path"],
        "what": state.get("what", {}),
        "status": status,
        "code": state.get("code", 200 if status < 400 else status),
        "message": state.get("message", ""),
        "seconds": round(seconds, 3),
    }
