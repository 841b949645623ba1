"""What every request passes before anything of it is read: its size, its token, its role, its lane; and the log."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.errors import WorkbenchError
from workbench.replicasets.api import page_files
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.compat import ARCHIVES, Compat
from workbench.replicasets.api.connections import HEAD_BYTES
from workbench.replicasets.api.failures import refusal
from workbench.replicasets.api.lanes import Full, Lanes
from workbench.replicasets.api.metrics import Requests
from workbench.replicasets.api.sockets import denied, offered_token
from workbench.replicasets.api.strangers import Strangers
from workbench.replicasets.api.streaming import BrokenOff
from workbench.replicasets.api.tokens import Tokens, proof_of
from workbench.replicasets.operations.files import LONGEST_SECONDS
from workbench.replicasets.operations.files import MOST_BYTES as MOST_ARCHIVE
from workbench.replicasets.values import Caller, Role

# Open, with more in it for who has a token.
DETAILED = frozenset({"/readyz"})
OPEN = DETAILED | {"/healthz", "/ping", *page_files.PATHS}
MOST_BYTES = 1 << 20
MOST_PATH = 4096
# How long a client may take for its body, and for taking a piece of the response.
CLIENT_SECONDS = 60.0
# Who owns what is made without a token, where that is allowed.
LOCAL = "local"
_READING = ("GET", "HEAD")
# What stands for the method of a WebSocket, here and in the audit log.
SOCKET = "WEBSOCKET"


class Gate:
    """Closed unless a path is open or the token fits: a new endpoint needs no thought to be safe."""

    def __init__(
        self, app: ASGIApp, tokens: Tokens, audit: Audit, requests: Requests, lanes: Lanes, compat: Compat
    ) -> None:
        self._app, self._tokens, self._audit, self._requests, self._lanes = app, tokens, audit, requests, lanes
        self._compat = compat
        self._strangers = Strangers()
        # Threads of its own: the log does not wait for what it logs.
        self._writers = CapacityLimiter(2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "websocket":
            return await self._socket(scope, receive, send)
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        state = scope.setdefault("state", {})
        began, status, taken = time.monotonic(), 500, 0
        most, seconds = _bounds(scope)
        until, complete, recorded, stuck = began + seconds, False, False, False

        async def record() -> None:
            nonlocal recorded
            # What was read is recorded where the endpoint says so.
            of_interest = scope["method"] not in _READING or status in (401, 403) or "what" in state
            if recorded or not of_interest or state.get("quiet"):
                return
            recorded = True
            line = _line(scope, state, status, time.monotonic() - began)
            if "caller" not in state:
                missed = self._strangers.logged()
                if missed is None:
                    return
                line |= {"unlogged": missed} if missed else {}
            # A client that disconnects cancels its request; the line is written all the same.
            with CancelScope(shield=True):
                await run_sync(lambda: self._audit.write(**line), limiter=self._writers)

        async def sending(message: Message) -> None:
            nonlocal status, stuck
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body", False):
                # A client that has the whole response can rely on its line in the log.
                await record()
            try:
                async with asyncio.timeout(CLIENT_SECONDS):
                    await send(message)
            except TimeoutError:
                stuck = True
                raise

        async def receiving() -> Message:
            nonlocal taken, complete
            if complete:  # what comes now is the end of the connection
                return await receive()
            try:
                async with asyncio.timeout(min(until - time.monotonic(), CLIENT_SECONDS)):
                    message = await receive()
                complete = not message.get("more_body", False)
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {CLIENT_SECONDS:g} seconds") from None
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, f"the body is larger than {most} bytes")
            return message

        async def answer(response: Response) -> None:
            state["code"] = response.status_code
            await response(scope, receive, sending)

        try:
            refused = self._refusal(scope, state)
            if refused is not None:
                await answer(refused)
            elif scope["path"] in OPEN:
                await self._app(scope, receiving, sending)
            else:
                try:
                    async with self._lanes.of(scope["method"], scope["path"]).slot(state["caller"].name):
                        until = time.monotonic() + seconds
                        await self._app(scope, receiving, sending)
                except Full as full:
                    state["message"] = full.message
                    await answer(refusal(429, 429, full.message, full.hint, {"Retry-After": str(full.seconds)}))
        except BrokenOff:
            pass  # the server closes what has no end
        except BaseException:
            # A client that takes nothing: nobody waits for it, and the server closes what has no end.
            if not stuck:
                raise
        finally:
            self._requests.count(scope["method"], status, time.monotonic() - began)
            await record()

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a WebSocket in, which holds a slot while it is open, or refuse it with a response of HTTP."""
        state = scope.setdefault("state", {})
        began, status = time.monotonic(), 101
        # It both reads and changes: no token that may only read is let in.
        scope["method"] = SOCKET

        async def record(**what: object) -> None:
            state.setdefault("what", {}).update(what)
            line = _line(scope, state, status, time.monotonic() - began)
            missed = 0 if "caller" in state else self._strangers.logged()
            if state.get("quiet") or missed is None:
                return
            line |= {"unlogged": missed} if missed else {}
            with CancelScope(shield=True):
                await run_sync(lambda: self._audit.write(**line), limiter=self._writers)

        async def answer(response: Response) -> None:
            nonlocal status
            status = response.status_code
            state.setdefault("code", status)
            await record()
            await denied(response, send)

        # What the endpoint calls when it is begun, when it is over, and to refuse it.
        state["record"], state["answer"] = record, answer
        refused = self._refusal(scope, state) or self._elsewhere(scope, state)
        if refused is not None:
            return await answer(refused)
        try:
            async with self._lanes.terminal.slot(state["caller"].name):
                await self._app(scope, receive, send)
        except Full as full:
            state["message"] = full.message
            await answer(refusal(429, 429, full.message, full.hint, {"Retry-After": str(full.seconds)}))

    def _elsewhere(self, scope: Scope, state: dict[str, Any]) -> Response | None:
        """Refuse a page of another site: browsers do not keep it from opening a WebSocket by themselves."""
        if self._compat.is_of_ours(scope):
            return None
        state["message"] = "a page of another site"
        return refusal(
            403, 403, "a page of another site may not open a WebSocket here", "use the service's own address"
        )

    def _refusal(self, scope: Scope, state: dict[str, Any]) -> Response | None:
        headers = dict(scope["headers"])
        if scope["type"] == "websocket" and b"authorization" not in headers and (given := offered_token(scope)):
            headers[b"authorization"] = f"Bearer {given}".encode()
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MOST_PATH:
            return self._stranger(scope, state, refusal(414, 414, f"the path is longer than {MOST_PATH} bytes"))
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            return self._stranger(scope, state, refusal(431, 431, f"the headers are longer than {HEAD_BYTES} bytes"))
        length = headers.get(b"content-length", b"0")
        most, _ = _bounds(scope)
        if not length.isdigit() or len(length) > 15 or int(length) > most:
            return self._stranger(scope, state, refusal(413, 413, f"the body is larger than {most} bytes"))
        if scope["path"] in OPEN and scope["method"] in _READING:
            if scope["path"] in DETAILED and b"authorization" in headers:
                self._recognize(headers, state)
            return None
        if self._compat.is_open and b"authorization" not in headers:
            if reason := self._compat.refusal(scope):
                return self._stranger(scope, state, refusal(403, 403, reason))
            state["caller"], state["allowed"] = self._tokens.caller(LOCAL, Role.OPERATE), lambda: True
            return None
        kind, _, plain = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        try:
            token, reason = self._tokens.allowed(plain.strip())
        except WorkbenchError as error:
            return refusal(503, 503, error.message)
        if token is None or kind.lower() != "bearer":
            challenge = {"WWW-Authenticate": "Bearer"}
            hint = "ask for another one" if reason else "send it as `Authorization: Bearer TOKEN`"
            unknown = refusal(401, 401, reason or "a token is needed", hint, challenge)
            return self._stranger(scope, state, unknown)
        # Everything below is given this value.
        state["caller"] = self._tokens.caller(token.name, token.role)
        state["proof"] = proof_of(plain.strip())
        # What lasts looks now and then whether it may go on.
        state["allowed"] = lambda: self._tokens.allowed(plain.strip())[0] is not None
        if token.role is Role.READ and scope["method"] not in _READING:
            return refusal(403, 403, f"the token {token.name} may only read", "use one with the role operate or admin")
        return None

    def _recognize(self, headers: dict[bytes, bytes], state: dict[str, Any]) -> None:
        """Note who sends a request that needs no token; a wrong one is none."""
        plain = headers[b"authorization"].decode("latin-1").partition(" ")[2]
        try:
            token, _ = self._tokens.allowed(plain.strip())
        except WorkbenchError:
            return
        if token is not None:
            state["caller"] = self._tokens.caller(token.name, token.role)

    def _stranger(self, scope: Scope, state: dict[str, Any], response: Response) -> Response:
        """Return the response to a request that is refused before anybody is known, or a shorter one: not so fast."""
        if self._strangers.allows(_address(scope)):
            return response
        state["quiet"] = True
        more = {"Retry-After": "10", "Connection": "close"}
        return refusal(429, 429, "too many refused requests from this address", headers=more)


def _bounds(scope: Scope) -> tuple[int, float]:
    """Return how large a body may be, and how long it may take."""
    if scope["method"] == "POST" and scope["path"].endswith(ARCHIVES):
        return MOST_ARCHIVE, LONGEST_SECONDS
    return MOST_BYTES, CLIENT_SECONDS


def _address(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _line(scope: Scope, state: dict[str, Any], status: int, seconds: float) -> dict[str, object]:
    caller: Caller | None = state.get("caller")
    return {
        "who": caller.name if caller else "",
        "from": _address(scope),
        "method": scope["method"],
        "path": scope["path"],
        "what": state.get("what", {}),
        "status": status,
        "code": state.get("code", 200 if status < 400 else status),
        "message": state.get("message", ""),
        "seconds": round(seconds, 3),
    }
