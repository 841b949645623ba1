"""HTTP with a cluster's API server, with its errors as ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import httpx

from workbench.replicasets.engines.kubernetes.access import Access
from workbench.replicasets.errors import EngineError, EngineGone

Json = dict[str, Any]
Query = Mapping[str, str | int | bool]
_CONNECT_SECONDS, _RESPONSE_SECONDS = 5.0, 60.0
# A server that is overloaded, or has no etcd, may have done what it answers so, or may yet.
_AWAY = (429, 502, 503, 504)
_AWAY_WORDS = ("etcdserver", "timed out", "deadline exceeded", "connection refused")
_RIGHTS = "the rights that the service needs are in `On Kubernetes` in docs/replica-sets.md"
# See the same line of podman's: httpx (0.28) closes connections that another thread was just given.
_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)


class KubernetesHttp:
    """Calls of the API server. Paths are below the namespace, or whole ones that begin with `/api`."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._client = _client(access)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        is_whole = path.startswith(("/api/", "/version"))
        return self.access.url + (path if is_whole else f"/api/v1/namespaces/{quote(self.access.namespace)}{path}")

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Query | None = None,
        *,
        okay: tuple[int, ...] = (),
    ) -> Json | None:
        """Return the JSON of the response; None for a status of `okay`.

        Any other error status is an EngineError with the server's words, or EngineGone when it is not known what
        became of the request.
        """
        response = self._response(method, path, body, query)
        if response.status_code in okay:
            return None
        if response.is_error:
            raise refused(response.status_code, response.content)
        try:
            found: Json = response.json()
        except ValueError:
            raise EngineGone("what answers at the cluster's address is no API server", where=self.access.url) from None
        return found

    def _response(self, method: str, path: str, body: Json | None, query: Query | None) -> httpx.Response:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        for attempt in (1, 2):
            headers = self.access.headers()
            with translated():
                response = self._client.request(
                    method,
                    self.url(path),
                    params=_query(query),
                    content=None if body is None else json.dumps(body),
                    headers={"Content-Type": kind} | headers,
                    timeout=_timeout(_RESPONSE_SECONDS),
                )
            # Nothing was done for whoever is not let in. Credentials may be withdrawn before they expire.
            if response.status_code != 401 or attempt == 2 or not self.access.refused(headers):
                break
            # A connection goes on with the certificate that it was made with. Others may be using this client.
            self._client = _client(self.access)
        return response

    def found(self, path: str) -> Json | None:
        """Return an object, None when there is none."""
        return self.call("GET", path, okay=(404,))

    def listed(self, path: str, selector: str = "", name: str = "") -> list[Json]:
        """Return the objects with those labels, and that name."""
        query = {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": f"metadata.name={name}"} if name else {}
        found = self.call("GET", path, query=query)
        return list((found or {}).get("items") or ())

    def stream(self, path: str, query: Query, read: float | None) -> Stream:
        """Return what is answered to a GET, piece by piece; nothing for `read` seconds is EngineGone."""
        return Stream(self._client, self.url(path), _query(query), self.access, read)


class Stream:
    """A response that comes piece by piece; `close` has the iteration end, from any thread."""

    def __init__(
        self, client: httpx.Client, url: str, query: dict[str, str], access: Access, read: float | None
    ) -> None:
        timeout = httpx.Timeout(_CONNECT_SECONDS, read=read)
        self._request = client.build_request("GET", url, params=query, headers=access.headers(), timeout=timeout)
        self._client, self._lock = client, threading.Lock()
        self._response: httpx.Response | None = None
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes."""
        if self._closed:
            return
        try:
            with translated():
                response = self._client.send(self._request, stream=True)
                with self._lock:
                    self._response = response
                if response.is_error:
                    raise refused(response.status_code, response.read())
                yield from response.iter_raw()
        except EngineGone:
            if not self._closed:
                raise
        finally:
            with self._lock:
                found, self._response = self._response, None
            if found is not None:
                found.close()

    def close(self) -> None:
        """End it."""
        self._closed = True
        with self._lock, suppress(OSError):
            if self._response is not None:
                # The thread that reads is woken; it closes the response itself.
                socket = self._response.extensions["network_stream"].get_extra_info("socket")
                socket.shutdown(2)


def refused(status: int, content: bytes) -> EngineError | EngineGone:
    """Return the error of a response, in the server's words (its object Status)."""
    try:
        found = json.loads(content)
        message = str(found.get("message") or "") if isinstance(found, dict) else ""
    except ValueError:
        message = content.decode(errors="replace")
    message = " ".join(message.split())[:500] or f"HTTP {status}"
    if status in _AWAY or (status == 500 and any(each in message for each in _AWAY_WORDS)):
        return EngineGone(f"the cluster cannot answer now: {message}")
    # What admission forbids has the same status as what one has no right to.
    is_right = status == 401 or (status == 403 and " cannot " in message and "User " in message)
    return EngineError(f"the cluster refuses: {message}", status, hint=_RIGHTS if is_right else "")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what goes wrong with connections into EngineGone."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EngineGone(f"the cluster's API server does not answer: {reason}") from None


def _client(access: Access) -> httpx.Client:
    transport = httpx.HTTPTransport(verify=access.context, limits=_CONNECTIONS)
    return httpx.Client(transport=transport, trust_env=False)


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=_CONNECT_SECONDS)


def _query(query: Query | None) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in (query or {}).items()}
