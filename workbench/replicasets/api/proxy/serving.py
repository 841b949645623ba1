"""The server of the sets' address: in a thread of its own, so that what is moved there does not slow the API down."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.replicasets.api.proxy.gateway import Gateway
from workbench.replicasets.api.proxy.limits import HEAD_BYTES
from workbench.replicasets.api.proxy.places import Site
from workbench.replicasets.api.proxy.sessions import Sessions
from workbench.replicasets.api.tokens import Token, Tokens
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller, Role

if TYPE_CHECKING:
    import uvicorn

_END_SECONDS = 10.0


class Workbenches:
    """The address of the sets, and who may get there: shared by the API, which hands tickets out, and the server."""

    def __init__(self, service: ReplicaSets, tokens: Tokens, site: Site, port: str = "") -> None:
        self.site, self._tokens = site, tokens
        self.sessions = Sessions(self._standing)
        self.gateway = Gateway(service, self.sessions, site, self._bearer, port)

    def _standing(self, name: str, proof: str) -> Caller | None:
        token = self._tokens.standing(name, proof)
        return self._caller(token)

    def _bearer(self, plain: str) -> Caller | None:
        token, _ = self._tokens.allowed(plain)
        return self._caller(token)

    def _caller(self, token: Token | None) -> Caller | None:
        may = token is not None and token.role is not Role.READ
        return self._tokens.caller(token.name, token.role) if token is not None and may else None


def make_server(workbenches: Workbenches, certificate: str = "", key: str = "") -> uvicorn.Server:
    """Return the server; with a certificate, by TLS."""
    import uvicorn

    from workbench.replicasets.api import connections, sockets
    from workbench.replicasets.api.proxy.tunnel import ProxyConnection

    gateway = workbenches.gateway
    http: Any = partial(ProxyConnection, gateway=gateway)
    config = uvicorn.Config(
        gateway,
        http=http,
        ws=sockets.Socket,  # unused but for a WebSocket to be known as one
        loop=f"{connections.__name__}:{connections.Loop.__name__}",
        lifespan="on",
        h11_max_incomplete_event_size=HEAD_BYTES,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    logging.getLogger("uvicorn.error").addFilter(connections.Sparing())
    server = uvicorn.Server(config)
    gateway.stopping = lambda: server.should_exit
    return server


@contextmanager
def serving(
    workbenches: Workbenches, listening: socket.socket, certificate: str = "", key: str = ""
) -> Iterator[Callable[[], bool]]:
    """Serve while the body runs; yield what says whether it still does."""
    server = make_server(workbenches, certificate, key)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="workbenches", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.01)
        yield thread.is_alive
    finally:
        server.should_exit = True
        thread.join(_END_SECONDS)
        listening.close()
