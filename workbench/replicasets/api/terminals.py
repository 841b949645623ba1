"""Programs with a client's input: the endpoint, a WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from workbench.replicasets.api.attaching import ENDS, GONE, Session
from workbench.replicasets.api.bodies import AttachBody
from workbench.replicasets.api.context import BEARER
from workbench.replicasets.api.failures import RESPONSES, refusal, status_of
from workbench.replicasets.api.responses import ErrorEnvelope
from workbench.replicasets.api.sockets import PROTOCOL
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

# How long a client may take to say what to run.
FIRST_SECONDS = 10.0
_NEEDED: dict[int | str, dict[str, Any]] = {426: {"model": ErrorEnvelope, "description": "a WebSocket is needed"}}
ROUTES = APIRouter(
    prefix="/replicaSet", tags=["replica sets"], dependencies=[BEARER], responses=cast(Any, {**RESPONSES, **_NEEDED})
)
# Without the parameters of requests, which a WebSocket does not have.
SOCKETS = APIRouter(prefix="/replicaSet")


@ROUTES.get("/{name}/terminal", status_code=426, response_model=ErrorEnvelope)
async def plain(name: str) -> JSONResponse:
    """Run a program in the set with the client's input, on a terminal or not: a WebSocket, refused as a request is.

    Text messages are JSON, binary ones are input and output. The client's first message says what to run:
    `{"cmd": ["bash"], "workDir": "", "terminal": {"type": "xterm-256color", "rows": 24, "columns": 80}}`. Each may be
    left out: no `cmd` is a shell, no `terminal` none. The service answers `{"window": BYTES}` once it runs.

    From then on the client sends input as binary messages, `{"rows": 40, "columns": 120}` for another size, and
    `{"eof": true}` for the end of its input. The service sends output as binary messages, of which the first byte is
    the stream, 1 or 2 (1 alone on a terminal). Each side sends `{"taken": BYTES}` of what it took; no side sends more
    than the window beyond that. The last message is `{"exitCode": 0}`, or `{"ended": "the service ends"}` when the
    program was ended for another reason, or `{"code": 1006, "msg": "...", "hint": "..."}` for what failed.

    The program is ended, with all that it started, when the client goes, when it does not answer a ping within 20
    seconds, and when its token counts no more.

    A browser, which can send no header with a WebSocket, offers two protocols: `workbench.terminal` and
    `workbench.token.TOKEN`. All refusals that come after the token are in the last message.
    """
    return refusal(426, 426, "a WebSocket is needed here", headers={"Upgrade": "websocket", "Connection": "Upgrade"})


@SOCKETS.websocket("/{name}/terminal")
async def terminal(socket: WebSocket, name: str) -> None:
    """Run a program for the client until one of the two ends."""
    app, state = socket.app, socket.scope["state"]
    service, caller = cast(ReplicaSets, app.state.service), cast(Caller, state["caller"])
    threads = cast(CapacityLimiter, app.state.terminals)
    state["what"] = {"operation": "terminal", "set": name[:60]}
    # No browser shows a page the response to a WebSocket that is refused: it gets the reason as a message.
    protocol = PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None
    try:
        if protocol is None:
            await run_sync(service.may_attach, name, caller, limiter=threads)
    except ReplicaSetError as error:
        state["code"], state["message"] = int(error.code), error.message
        await state["answer"](refusal(status_of(error), int(error.code), error.message, error.hint))
        return
    await socket.accept(protocol)
    last: dict[str, object] = {"ended": GONE}
    try:
        async with asyncio.timeout(FIRST_SECONDS):
            first = AttachBody.model_validate_json(await socket.receive_text())
        state["what"] |= {"program": first.cmd[0][:60] if first.cmd else "", "terminal": first.terminal is not None}
        attached = await run_sync(service.attach, name, first.request(), caller, limiter=threads)
        await state["record"]()
        session = Session(socket, attached, threads, lambda: _reason(app, state))
        last = await session.run()
    except ReplicaSetError as error:
        state["code"], state["message"] = int(error.code), error.message
        last = {"code": int(error.code), "msg": error.message, "hint": error.hint}
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(map(str, found["loc"]))[:200]
        last = {"code": int(Code.BODY), "msg": f"{where}: {found['msg'][:200]}", "hint": ""}
    except TimeoutError:
        last = {"code": 408, "msg": f"nothing was sent within {FIRST_SECONDS:g} seconds", "hint": ""}
    except (WebSocketDisconnect, KeyError):
        pass  # it went before it said what to run, or sent bytes
    await state["record"](ended=last.get("ended") or last.get("msg") or f"exit code {last['exitCode']}")
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_json(last)
        await socket.close()


def _reason(app: Any, state: dict[str, Any]) -> str:  # noqa: ANN401  FastAPI's
    """Return why what lasts may not go on, "" when it may."""
    if app.state.stopping():
        return ENDS
    return "" if state["allowed"]() else "the token counts no more"
