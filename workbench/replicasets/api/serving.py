"""The service as a process: a listening socket, podman's API, and reconciling at start and now and then."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from workbench.errors import WorkbenchError
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets

# How often what a crash broke off, or an engine that was away, is looked for.
EVERY_SECONDS = 60.0
_START_SECONDS = 30.0


class PodmanService:
    """podman's API on a socket of our own: started, started again when it ends, ended with us."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "podman.sock")
        self._log = os.path.join(folder, "podman.log")
        self._pid = os.path.join(folder, "podman.pid")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """The socket's address."""
        return f"unix://{self._path}"

    def ensure(self) -> None:
        """Start it when it does not run; raises WorkbenchError when it does not come up."""
        with self._lock:
            if self._closed or (self._process is not None and self._process.poll() is None):
                return
            if shutil.which("podman") is None:
                raise WorkbenchError("podman is not installed", hint="install it, or name another engine by --engine")
            self._end_orphan()
            with open(self._log, "ab") as log:
                self._process = subprocess.Popen(
                    ["podman", "system", "service", "--time=0", self.address],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for us to hear: what is under way needs podman until it is done.
                    start_new_session=True,
                )
            with open(self._pid, "w", encoding="ascii") as file:
                file.write(str(self._process.pid))
            deadline = time.monotonic() + _START_SECONDS
            while not self._answers():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise WorkbenchError("podman's API does not come up", hint=f"{self._log} says why")
                time.sleep(0.05)

    def _end_orphan(self) -> None:
        """End the podman of a service that was killed: it would listen on a socket that has no name any more."""
        try:
            with open(self._pid, encoding="ascii") as file:
                number = int(file.read())
            with open(f"/proc/{number}/cmdline", "rb") as said:
                words = said.read().split(b"\0")
            # The number may be another process's by now; only ours has our socket among its words.
            if self.address.encode() in words:
                os.kill(number, signal.SIGTERM)
        except (OSError, ValueError):
            pass  # there is none

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self._path)
            except OSError:
                return False
            return True

    def close(self) -> None:
        """End it. Containers run on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(10)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()


@contextmanager
def tended(service: ReplicaSets, podman: PodmanService | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Reconcile now, and again every minute until the end; `tell` what was done, and what cannot be done yet."""
    ended = threading.Event()

    def look() -> None:
        try:
            if podman is not None:
                podman.ensure()
            for line in service.reconcile():
                tell(line)
        except ReplicaSetError as error:
            tell(f"not settled yet: {error.message}")
        except WorkbenchError as error:
            tell(f"{error.message} ({error.hint})")

    def again() -> None:
        while not ended.wait(EVERY_SECONDS):
            look()

    look()
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
            found.listen(128)
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


def serve(app: FastAPI, listening: socket.socket, certificate: str = "", key: str = "") -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are finished first. With a certificate: by TLS."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
        # Addresses that clients claim to have do not belong in the audit log.
        proxy_headers=False,
        ws="none",
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
