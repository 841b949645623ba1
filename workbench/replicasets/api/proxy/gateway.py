"""The application at the address of the sets: how to get in, and then the set. Nothing of the service's API is here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from workbench.errors import WorkbenchError
from workbench.replicasets.api.lanes import Full, Lane
from workbench.replicasets.api.proxy import entry, guard, headers
from workbench.replicasets.api.proxy.http import Forward, SilentError
from workbench.replicasets.api.proxy.limits import LOOK_SECONDS, REQUESTS, TUNNELS
from workbench.replicasets.api.proxy.places import Place, Site, place_of
from workbench.replicasets.api.proxy.sessions import IDLE_SECONDS, Sessions
from workbench.replicasets.api.proxy.upstreams import Upstreams
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.operations.reach import Upstream
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

_MOST_TICKET = 4096


@dataclass(frozen=True, slots=True)
class Passage:
    """A request that is let in: where to, with which headers; `allowed` says whether it may go on."""

    place: Place
    caller: Caller
    upstream: Upstream
    target: bytes
    headers: headers.Headers
    allowed: Callable[[], bool]


class Gateway:
    """Leads whoever has a session of a set, or a token in a header, to it.

    `bearer` returns who a token is, None for none that counts. `service` is the port of the service's page, "" where
    that is not at the same host.
    """

    def __init__(
        self,
        service: ReplicaSets,
        sessions: Sessions,
        site: Site,
        bearer: Callable[[str], Caller | None],
        port: str = "",
    ) -> None:
        self._service, self._sessions, self._site, self._bearer, self._port = service, sessions, site, bearer, port
        self._upstreams = Upstreams(service)
        self._forward = Forward()
        self._requests, self.tunnels = Lane("requests to sets", REQUESTS), Lane("WebSockets to sets", TUNNELS)
        self.stopping: Callable[[], bool] = lambda: False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; WebSockets are the tunnel's."""
        if scope["type"] == "lifespan":
            await self._life(receive, send)
            return
        if scope["type"] != "http":
            return
        if scope["path"] == "/session" and scope["method"] == "POST":
            response: Response | None = await self._enter(scope, receive)
        elif scope["path"] == "/healthz":
            response = PlainTextResponse("ok")
        else:
            response = await self._lead(scope, receive, send)
        if response is not None:
            await response(scope, receive, send)

    async def admit(self, scope: Scope, *, upgrade: bool = False) -> Passage | Response:
        """Return where a request is let in to, or the response that refuses it."""
        found, raw = list(scope["headers"]), scope["raw_path"]
        place = place_of(raw)
        host = headers.first(found, b"host")
        if not host:
            # HTTP/1.0: what is let in is held against the address that it was sent to.
            return entry.refused(found, 400, "the request names no host")
        if place is None or not self._site.serves(place, host):
            return entry.refused(found, 404, "there is nothing here", "sets are at /s/NAME/")
        if raw == place.path.encode() and not upgrade:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            return Response(status_code=307, headers={"Location": (raw + b"/" + query).decode("latin-1")})
        try:
            caller, is_ours, allowed = self._who(found, place)
        except WorkbenchError as error:
            return entry.refused(found, 503, error.message)
        if caller is None:
            return entry.entry(found, self._port)
        if not is_ours and (reason := guard.refusal(scope["method"], found, place, upgrade=upgrade)):
            return entry.refused(found, 403, reason)
        try:
            upstream = await self._upstreams.find(place, caller)
        except ReplicaSetError as error:
            return entry.failed(found, error)
        if not allowed(upstream.id):
            return entry.entry(found, self._port)
        target = (
            raw if upstream.prefix == place.path else upstream.prefix.encode() + raw.removeprefix(place.path.encode())
        )
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        client = scope["client"][0] if scope.get("client") else ""
        scheme = "https" if self._site.is_secure or scope["scheme"] in ("https", "wss") else "http"
        passed = headers.to_set(found, place=place, client=client, scheme=scheme, token=upstream.token, is_ours=is_ours)
        return Passage(place, caller, upstream, target, passed, lambda: allowed(upstream.id))

    def silent(self, scope: Scope, passage: Passage, status: int) -> Response:
        """Return that a set does not answer."""
        self._upstreams.forget(passage.place)
        name = passage.place.name
        hint = passage.upstream.away or f"its programs may be starting; `rs logs {name}` shows what it wrote"
        return entry.refused(scope["headers"], status, f"{name} does not answer", hint)

    async def _lead(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        passage = await self.admit(scope)
        if isinstance(passage, Response):
            return passage
        try:
            async with self._requests.slot(passage.caller.name):
                return await self._pass(scope, receive, send, passage)
        except Full as full:
            return entry.refused(scope["headers"], 429, full.message, full.hint)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, passage: Passage) -> Response | None:
        """Pass a request on until it is answered, the client has gone, or the session is over."""
        begun, complete = False, asyncio.Event()

        async def receiving() -> Message:
            message = await receive()
            if not message.get("more_body", False):
                complete.set()
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        async def gone() -> None:
            await complete.wait()
            while (await receive())["type"] != "http.disconnect":
                pass

        sent = dict(scope["headers"])
        chunked = b"transfer-encoding" in sent
        passed = passage.headers
        if chunked:
            # Where a request has both, its length is not what it has: a server that believed it would read another one.
            passed = [each for each in passed if each[0] != b"content-length"] + [(b"transfer-encoding", b"chunked")]
        if not chunked and sent.get(b"content-length", b"0") == b"0":
            complete.set()
        work = asyncio.ensure_future(
            self._forward(
                scope,
                receiving,
                sending,
                place=passage.place,
                upstream=passage.upstream,
                target=passage.target,
                headers=passed,
            )
        )
        ends = [asyncio.ensure_future(gone()), asyncio.ensure_future(self.over(passage))]
        try:
            await asyncio.wait([work, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (work, *ends):
                if not each.done():
                    each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            error = (await asyncio.gather(work, return_exceptions=True))[0]
        if begun or error is None:
            # A response that broke off has no end: the server closes the connection.
            return None
        if isinstance(error, SilentError):
            return self.silent(scope, passage, error.status)
        if isinstance(error, TimeoutError):
            return self.silent(scope, passage, 504)
        if isinstance(error, asyncio.CancelledError | OSError):
            return entry.refused(scope["headers"], 408, "the request broke off")
        raise error

    async def over(self, passage: Passage) -> None:
        """Return once a session is over, or the service ends."""
        while not self.stopping() and passage.allowed():
            await asyncio.sleep(LOOK_SECONDS)

    def _who(
        self, found: Iterable[tuple[bytes, bytes]], place: Place
    ) -> tuple[Caller | None, bool, Callable[[str], bool]]:
        """Return who sends a request, whether by a token of the service's in a header, and what says that they may."""
        kind, _, plain = headers.first(found, b"authorization").partition(" ")
        if kind.lower() == "bearer" and (caller := self._bearer(plain.strip())) is not None:
            return caller, True, lambda _id: self._bearer(plain.strip()) is not None
        for value in headers.cookies(found):
            if (held := self._sessions.find(value, place)) is not None:
                return held[1], False, partial(self._holds, value, place, held[0].id)
        return None, False, lambda _id: False

    def _holds(self, value: str, place: Place, id_: str, now: str) -> bool:
        """Return whether a session of the set `id_` still is one, and the set that is there `now` is that one."""
        return id_ == now and self._sessions.find(value, place, using=False) is not None

    async def _enter(self, scope: Scope, receive: Receive) -> Response:
        """Take a ticket for a session, which the browser gets as a cookie of the set's path."""
        found = scope["headers"]
        origin, host = headers.first(found, b"origin"), headers.first(found, b"host")
        if origin.partition("://")[2].lower() != host.lower():
            return entry.refused(found, 403, "a ticket is taken by the page of the set alone")
        try:
            async with asyncio.timeout(10):
                body = b""
                async for piece in Request(scope, receive).stream():
                    body += piece
                    if len(body) > _MOST_TICKET:
                        return entry.refused(found, 413, "this is no ticket")
            sent = json.loads(body)
            ticket, sure = str(sent["ticket"]), sent.get("sure") is True
        except (TimeoutError, ValueError, KeyError, TypeError, AttributeError):
            return entry.refused(found, 400, "this is no ticket")
        over = entry.refused(found, 403, "this link was used, or is too old", "open the set again")
        try:
            grant = self._sessions.look(ticket)
            if grant is None or not self._site.serves(grant.place, host):
                return over
            # Where each set has an origin of its own, somebody else's set reaches nothing.
            if not sure and not self._site.is_split:
                return JSONResponse({"entered": False, "name": grant.place.name, "owner": grant.owner})
            begun = self._sessions.begin(ticket)
        except WorkbenchError as error:
            return entry.refused(found, 503, error.message)
        if begun is None:
            return over
        grant, plain = begun
        response = JSONResponse({"entered": True, "path": f"{grant.place.path}/"})
        secure = self._site.is_secure or scope["scheme"] == "https"
        response.set_cookie(
            headers.COOKIE,
            plain,
            max_age=int(IDLE_SECONDS) * 14,
            path=grant.place.path,
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _life(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._forward.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
