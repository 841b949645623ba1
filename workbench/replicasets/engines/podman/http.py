"""HTTP over podman's unix socket, with its errors as ours."""

from __future__ import annotations

import fcntl
import json
import socket
import termios
import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from workbench.replicasets.engines.podman.log import Log
from workbench.replicasets.errors import EngineError, EngineGone

_BASE = "http://podman/v4.0.0/libpod"
_CONNECT_SECONDS = 5.0
# Long enough for most requests: a loaded machine is not a broken one.
RESPONSE_SECONDS = 120.0
# Recording a disk takes as long as the disk is large.
LONG_SECONDS = 3600.0
_PIECE = 32 << 10
_SCHEME = "unix://"
# All connections are kept open: httpx (0.28) closes one beyond those it keeps, or that was idle for long, although
# another thread was just given it, whose request then fails with "Bad file descriptor".
_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)


class Pieces:
    """The pieces of a response, as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self._raw, self._lock = response.iter_raw(), threading.Lock()
        self._socket = response.extensions["network_stream"].get_extra_info("socket")

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes."""
        return self._raw

    def end(self) -> None:
        """Have whoever waits for the next piece find the end; from any thread."""
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Forget the connection: it is another request's from now on."""
        with self._lock:
            self._socket = None


class Hijacked:
    """A connection that carries bytes both ways, after podman agreed to speak no HTTP on it any more."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401  httpcore's, which has no public type
        self._stream, self._socket = stream, stream.get_extra_info("socket")

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes, until the other side ends it or `end` is called."""
        with suppress(httpcore.NetworkError):
            while piece := self._stream.read(_PIECE):
                yield piece

    def write(self, data: bytes) -> None:
        """Send it, however long the other side takes; raises EngineGone when it takes no more."""
        try:
            self._stream.write(data)
        except httpcore.NetworkError as error:
            raise EngineGone(f"podman takes no more input: {error}") from None

    def untaken(self) -> int:
        """Return whether some of what was sent is not taken yet, as a number above 0."""
        count = array("i", [0])
        try:
            fcntl.ioctl(self._socket, termios.TIOCOUTQ, count)
        except (OSError, ValueError):
            return 0  # it is closed
        return count[0]

    def end_writing(self) -> None:
        """Let the other side find the end of what is sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Have whoever reads or writes find the end; from any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class PodmanHttp:
    """Calls of the libpod API at `address` (`unix:///path/of/the.sock`); `log` is podman's own, "" for none known."""

    def __init__(self, address: str, log: str = "") -> None:
        self.address = address
        self._log = Log(log)
        transport = httpx.HTTPTransport(uds=address.removeprefix(_SCHEME), limits=_CONNECTIONS)
        self._client = httpx.Client(transport=transport, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str | int | bool | list[str]] | None = None,
        *,
        okay: tuple[int, ...] = (),
        seconds: float = RESPONSE_SECONDS,
        content: bytes | None = None,
    ) -> Any:  # noqa: ANN401  any JSON
        """Return the JSON of podman's response, None for a response without any. `content` is sent as it is.

        An error status is an EngineError with podman's reason, unless it is one of `okay`: None then.
        """
        begin = self._log.end()
        with self._translated():
            response = self._client.request(
                method, _BASE + path, params=_query(query), json=body, content=content, timeout=_timeout(seconds)
            )
        if response.status_code in okay:
            return None
        if response.is_error:
            raise self._log.explained(_refused(response.status_code, response.content), begin)
        # Some responses are bare words, without the JSON that their header promises.
        try:
            return response.json() if response.content.strip() else None
        except ValueError:
            return response.text

    def upload(self, path: str, content: bytes, query: Mapping[str, str | int | bool | list[str]]) -> None:
        """POST a tar; raises EngineError for an error status."""
        self.send("POST", path, content, query, RESPONSE_SECONDS)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes],
        query: Mapping[str, str | int | bool | list[str]],
        seconds: float,
    ) -> None:
        """Send a tar, whole or in pieces; raises EngineError for an error status."""
        with self._translated():
            response = self._client.request(
                method,
                _BASE + path,
                params=_query(query),
                content=content,
                headers={"Content-Type": "application/x-tar"},
                timeout=_timeout(seconds),
            )
        if response.is_error:
            raise _refused(response.status_code, response.content)

    def head(
        self, path: str, query: Mapping[str, str | int | bool | list[str]], header: str, *, found: bool = False
    ) -> str:
        """Return a header of podman's response to a HEAD request, "" when there is none; `found`: nor of an error."""
        with self._translated():
            response = self._client.request(
                "HEAD", _BASE + path, params=_query(query), timeout=_timeout(RESPONSE_SECONDS)
            )
        return "" if found and response.is_error else str(response.headers.get(header, ""))

    def content(self, path: str, query: Mapping[str, str | int | bool | list[str]]) -> bytes:
        """Return what a GET is answered with, as it is."""
        with self._translated():
            response = self._client.get(_BASE + path, params=_query(query), timeout=_timeout(RESPONSE_SECONDS))
        if response.is_error:
            raise _refused(response.status_code, response.content)
        return response.content

    @contextmanager
    def stream(
        self,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int | bool | list[str]] | None = None,
        method: str = "POST",
        read: float | None = None,
    ) -> Iterator[Pieces]:
        """Yield the pieces of the stream that is the response; it may be silent for `read` seconds, None for ever."""
        with self._translated():
            timeout = httpx.Timeout(RESPONSE_SECONDS, connect=_CONNECT_SECONDS, read=read)
            with self._client.stream(
                method, _BASE + path, params=_query(query), json=body, timeout=timeout
            ) as response:
                if response.is_error:
                    raise _refused(response.status_code, response.read())
                pieces = Pieces(response)
                try:
                    yield pieces
                finally:
                    pieces.let_go()

    @contextmanager
    def hijacked(self, path: str, body: object) -> Iterator[Hijacked]:
        """Yield the connection of a POST that podman takes over; raises EngineError for an error status."""
        with self._translated():
            timeout = httpx.Timeout(RESPONSE_SECONDS, connect=_CONNECT_SECONDS)
            headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
            with self._client.stream("POST", _BASE + path, json=body, headers=headers, timeout=timeout) as response:
                if response.is_error:
                    raise _refused(response.status_code, response.read())
                yield Hijacked(response.extensions["network_stream"])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, httpx.DecodingError, OSError) as error:
            what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "does not answer"
            raise EngineGone(
                f"podman {what}: {error or type(error).__name__}",
                hint="start it: systemctl start podman.socket, or podman system service --time=0 ADDRESS",
                where=self.address,
            ) from None


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream that arrives in pieces cut anywhere."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from filter(None, whole)


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=_CONNECT_SECONDS)


def _query(query: Mapping[str, str | int | bool | list[str]] | None) -> dict[str, str | int | list[str]]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in (query or {}).items()}


def _refused(status: int, content: bytes) -> EngineError:
    try:
        details = json.loads(content)
        text = details.get("message") or details.get("cause") or ""
    except (ValueError, AttributeError):
        text = content.decode(errors="replace")
    return EngineError(f"podman refuses: {_shortened(' '.join(text.split())) or f'HTTP {status}'}", status)


def _shortened(text: str) -> str:
    """Return a text without its middle when it is very long: the reason stands at the end."""
    return text if len(text) <= 500 else f"{text[:300]} … {text[-200:]}"
