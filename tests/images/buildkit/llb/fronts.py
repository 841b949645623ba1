"""What else may listen at an address: a Docker Engine, or something that is no BuildKit."""

from __future__ import annotations

import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engine import SHORT

UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


class Front:
    """Listens and sends each connection `response` after its first head; then passes on to `behind`, if any."""

    def __init__(self, address: str, response: bytes, behind: str = "", context: ssl.SSLContext | None = None) -> None:
        self.response, self._behind, self._context = response, behind, context
        self.heads: list[bytes] = []
        self._listening = socket.socket(socket.AF_UNIX if address.startswith("/") else socket.AF_INET)
        self._listening.bind(address if address.startswith("/") else ("127.0.0.1", 0))
        self._listening.listen()
        self.port = 0 if address.startswith("/") else self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in (self._listening, *self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._open.append(near)
        try:
            if self._context is not None:
                self._tls(near)
                return
            self.heads.append(_head(near))
            # In one piece with what the daemon behind sends at once: a client must not lose what it read too much.
            far = socket.socket(socket.AF_UNIX) if self._behind else None
            if far is None:
                near.sendall(self.response)
                near.close()
                return
            far.connect(self._behind)
            self._open.append(far)
            near.sendall(self.response + far.recv(65536))
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            _pump(far, near)
        except OSError:
            pass

    def _tls(self, near: socket.socket) -> None:
        """The same with TLS, in one thread: Python's own may not be used by two."""
        assert self._context is not None
        inner = self._context.wrap_socket(near, server_side=True)
        self._open.append(inner)
        self.heads.append(_head(inner))
        inner.sendall(self.response)
        if not self._behind:
            inner.close()
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._behind)
        self._open.append(far)
        inner.settimeout(0.005)
        far.settimeout(0.005)
        while True:
            for source, target in ((inner, far), (far, inner)):
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                target.settimeout(10)
                target.sendall(data)
                target.settimeout(0.005)


def _head(near: socket.socket) -> bytes:
    received = b""
    # A TLS client's first byte is 22, and it waits for an response.
    while b"\r\n\r\n" not in received and not received.startswith(b"\x16"):
        more = near.recv(4096)
        if not more:
            break
        received += more
    return received


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for one in (source, target):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@contextmanager
def front(
    response: bytes, behind: str = "", *, tcp: bool = False, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Front]]:
    """Yield the address of a Front, and it."""
    folder = tempfile.mkdtemp(prefix="wbfront-", dir=SHORT)
    front = Front("tcp" if tcp else f"{folder}/docker.sock", response, behind.removeprefix("unix://"), context)
    try:
        yield (f"tcp://127.0.0.1:{front.port}" if tcp else f"unix://{folder}/docker.sock"), front
    finally:
        front.close()
        shutil.rmtree(folder)
