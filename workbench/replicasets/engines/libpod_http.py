"""HTTP over podman's unix socket, with its errors as ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from workbench.replicasets.errors import EngineError, EngineGone, Invalid

_BASE = "http://podman/v4.0.0/libpod"
_CONNECT_SECONDS = 5.0
# Long enough for any call but those that say otherwise: a loaded machine is not a broken one.
ANSWER_SECONDS = 120.0
# Recording a disk takes as long as the disk is large.
LONG_SECONDS = 3600.0
_SCHEME = "unix://"


class LibpodHttp:
    """Calls of the libpod API at `address` (`unix:///path/of/the.sock`)."""

    def __init__(self, address: str) -> None:
        if not address.startswith(f"{_SCHEME}/"):
            raise Invalid(f"{address!r} is not the address of an engine", hint="write unix:///run/podman/podman.sock")
        self.address = address
        transport = httpx.HTTPTransport(uds=address.removeprefix(_SCHEME), limits=httpx.Limits(max_connections=None))
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
        seconds: float = ANSWER_SECONDS,
    ) -> Any:  # noqa: ANN401  whatever podman's JSON is
        """Return the JSON that podman answers, None for an answer without any.

        An error status is an EngineError with podman's reason, unless it is one of `okay`: None then.
        """
        with self._said():
            answer = self._client.request(
                method, _BASE + path, params=_query(query), json=body, timeout=_timeout(seconds)
            )
        if answer.status_code in okay:
            return None
        if answer.is_error:
            raise _refused(answer.status_code, answer.content)
        # Some answers are bare words, without the JSON that their header promises.
        try:
            return answer.json() if answer.content.strip() else None
        except ValueError:
            return answer.text

    @contextmanager
    def stream(self, path: str, body: object) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of a stream that podman answers a POST with; silence may last for ever."""
        with self._said():
            timeout = httpx.Timeout(ANSWER_SECONDS, connect=_CONNECT_SECONDS, read=None)
            with self._client.stream("POST", _BASE + path, json=body, timeout=timeout) as answer:
                if answer.is_error:
                    raise _refused(answer.status_code, answer.read())
                yield answer.iter_raw()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, httpx.DecodingError, OSError) as error:
            what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "does not answer"
            raise EngineGone(
                f"podman {what}: {error or type(error).__name__}",
                hint="start it: systemctl start podman.socket, or podman system service --time=0 ADDRESS",
                where=self.address,
            ) from None


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=_CONNECT_SECONDS)


def _query(query: Mapping[str, str | int | bool | list[str]] | None) -> dict[str, str | int | list[str]]:
    written = {}
    for name, value in (query or {}).items():
        written[name] = str(value).lower() if isinstance(value, bool) else value
    return written


def _refused(status: int, content: bytes) -> EngineError:
    try:
        said = json.loads(content)
        text = said.get("message") or said.get("cause") or ""
    except (ValueError, AttributeError):
        text = content.decode(errors="replace")
    return EngineError(f"podman refuses: {' '.join(text.split())[:500] or f'HTTP {status}'}", status)
