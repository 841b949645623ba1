"""A private unix socket in front of other connections: gRPC can dial a socket, and cannot adopt a connection."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Protocol

from workbench.images.buildkit.llb.failures import BuildKitError

_CHUNK = 65536
# The longest path that a unix socket may have is 107 bytes.
_LONGEST_FOLDER = 80


class Stream(Protocol):
    """The other end: a socket, or something like it."""

    def recv(self, size: int, /) -> bytes:
        """Return what came, b"" at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of `data`."""

    def shutdown(self, how: int, /) -> None:
        """End it in one direction or, with SHUT_RDWR, so that whoever waits for it wakes up."""

    def close(self) -> None:
        """Give it back."""


def private_folder() -> str:
    """Return a new folder that only we can enter, with a path short enough for the sockets in it."""
    parent = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="wb-", dir=parent if len(os.fsencode(parent)) < _LONGEST_FOLDER else "/tmp")


class Bridge:
    """Listens at `path` and connects each connection there to a new one that `dial` makes.

    `dial` returns it with the bytes that arrived on it already. Where it fails, the near connection is
    closed. `close` ends all connections and waits for every thread.
    """

    def __init__(self, dial: Callable[[], tuple[Stream, bytes]]) -> None:
        self._dial = dial
        self._folder = private_folder()
        self.path = os.path.join(self._folder, "socket")
        self._lock = threading.Lock()
        self._closed = False
        self._open: list[Stream] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(self.path)
        self._listening.listen()
        self._accepting = threading.Thread(target=self._accept, name="buildkit-bridge", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End everything."""
        with self._lock:
            self._closed = True
            for stream in self._open:
                _end(stream)
        _end(self._listening)
        self._accepting.join()
        for thread in self._threads:
            thread.join()
        self._listening.close()
        for stream in self._open:
            stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far, rest = self._dial()
            except BuildKitError:
                near.close()
                continue
            with self._lock:
                self._open += [near, far]
                if self._closed:
                    return
            for args in ((near, far, b""), (far, near, rest)):
                thread = threading.Thread(target=_pump, args=args, name="buildkit-bridge", daemon=True)
                self._threads.append(thread)
                thread.start()


def _pump(source: Stream, target: Stream, first: bytes) -> None:
    """Copy until one of the two ends; then both do, for HTTP/2 knows no half of a connection."""
    try:
        if first:
            target.sendall(first)
        while data := source.recv(_CHUNK):
            target.sendall(data)
    except OSError:
        pass
    _end(source)
    _end(target)


def _end(stream: Stream) -> None:
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
