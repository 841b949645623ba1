"""The service as a process: a listening socket, and reconciling at start and now and then."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from workbench.errors import WorkbenchError
from workbench.replicasets.engines.protocol import EngineService
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets

if TYPE_CHECKING:
    import uvicorn

# How often interrupted operations are settled, and an engine that was away is tried again.
EVERY_SECONDS = 60.0


@contextmanager
def reconciling(service: ReplicaSets, engine: EngineService | None, report: Callable[[str], None]) -> Iterator[None]:
    """Reconcile now, and again every minute until the end; `report` what was done, and what cannot be done yet."""
    ended = threading.Event()

    def reconcile() -> None:
        try:
            if engine is not None:
                engine.ensure()
            for line in service.reconcile():
                report(line)
        except ReplicaSetError as error:
            report(f"not settled yet: {error.message}")
        except WorkbenchError as error:
            report(f"{error.message} ({error.hint})")

    def again() -> None:
        while not ended.wait(EVERY_SECONDS):
            reconcile()

    reconcile()
    thread = threading.Thread(target=again, name="reconcile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(EVERY_SECONDS)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there (port 0: any that is free); raises WorkbenchError when it cannot (B14)."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Named as TCP, or asyncio leaves Nagle on, and every answer waits 40 ms for the client to acknowledge its head.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(1024)
        except OSError:
            found.close()
            raise
        return found
    except OSError as error:
        raise WorkbenchError(
            f"cannot listen on {host} port {port}: {error.strerror}", hint="choose others by --host and --port"
        ) from None


@contextmanager
def leaving() -> Iterator[None]:
    """Leave the body in good order when SIGTERM comes."""

    def leave(_number: int, _frame: object) -> None:
        sys.exit(0)

    # uvicorn raises the signal again when it has ended: without this we would not get to clean up.
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def is_loopback(listening: socket.socket) -> bool:
    """Return whether only this machine reaches it."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def make_server(app: FastAPI, certificate: str = "", key: str = "") -> uvicorn.Server:
    """Return a server for `app`, which keeps no connection that sends nothing. With a certificate: by TLS."""
    import uvicorn

    from workbench.replicasets.api import connections, sockets

    config = uvicorn.Config(
        app,
        http=connections.Connection,
        loop=f"{connections.__name__}:{connections.Loop.__name__}",
        h11_max_incomplete_event_size=connections.HEAD_BYTES,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
        # Addresses that clients claim to have do not belong in the audit log.
        proxy_headers=False,
        ws=sockets.Socket,
        ws_max_size=sockets.MOST_MESSAGE,
        ws_ping_interval=sockets.PING_SECONDS,
        ws_ping_timeout=sockets.PONG_SECONDS,
        ws_per_message_deflate=False,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    logging.getLogger("uvicorn.error").addFilter(connections.Sparing())
    connections.raise_file_limit()
    server = uvicorn.Server(config)
    # Requests that are under way are finished before it ends, but streams of changes have no end of their own.
    app.state.stopping = lambda: server.should_exit
    return server


def serve(app: FastAPI, listening: socket.socket, certificate: str = "", key: str = "") -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are finished first."""
    try:
        make_server(app, certificate, key).run(sockets=[listening])
    finally:
        listening.close()
