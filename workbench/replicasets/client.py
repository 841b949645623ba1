"""The service's client, for the verbs: it sends requests, and turns refusals into errors."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from workbench.commands import here
from workbench.errors import WorkbenchError

ADDRESS = "http://127.0.0.1:2378"
STATE = "/var/lib/workbench"
_UNTRUSTED = "certificate verify failed: "
# A run or patch takes as long as copying its disk; a connection that is not made at once never is.
_TIMEOUT = httpx.Timeout(None, connect=5.0)
# A stream of changes is never silent for so long.
_STREAM = httpx.Timeout(60.0, connect=5.0)
_PAGE = 500


class ServiceError(WorkbenchError):
    """What the service refused, with its code and HTTP status; `gpus` is how many can be waited for in turn."""

    def __init__(self, message: str, code: int, status: int, hint: str = "", gpus: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.code, self.status, self.gpus = code, status, gpus

    def as_data(self) -> dict[str, object]:
        """Return the error as `--json` prints it, with its code."""
        return {**super().as_data(), "code": self.code, "status": self.status}


def find_token(token: str, file: str) -> str:
    """Return the token: given, or in the environment, or in a file. Raises WorkbenchError when there is none."""
    if found := token or os.environ.get("WORKBENCH_TOKEN", ""):
        return found
    path = file or os.environ.get("WORKBENCH_TOKEN_FILE", "") or os.path.join(STATE, "operate.token")
    try:
        with open(path, encoding="utf-8") as source:
            return source.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or "is not text"
        raise WorkbenchError(
            f"no token: {path}: {reason}",
            hint=f"`{here('serve')}` makes one; name it by --token-file, WORKBENCH_TOKEN_FILE or WORKBENCH_TOKEN",
        ) from None


def part(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="") or "%20"


class Client:
    """Sends requests to the service at `address`; `ca` is a file of trusted authorities, "" for the system's."""

    def __init__(self, address: str, token: str, ca: str = "") -> None:
        if not token.isascii() or not token.isprintable() or not token:
            raise WorkbenchError("the token is not one", hint="it is one line of letters, digits, - and _")
        self._address, self._token, self._ca = address, token, ca
        try:
            self._http = httpx.Client(
                base_url=address.rstrip("/"),
                headers={"Authorization": f"Bearer {token}"},
                timeout=_TIMEOUT,
                # Without TLS there is nothing to verify.
                verify=_trusting(ca) if ca or address.startswith("https:") else False,
                # A token is for the service alone, not for a proxy on the way to our own machine.
                trust_env=not self._is_here,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise WorkbenchError(f"{address!r} is not an address: {error}", hint=f"write {ADDRESS}") from None

    @property
    def host(self) -> str:
        """The name or address of the service's machine, as it was given."""
        return httpx.URL(self._address).host

    @property
    def scheme(self) -> str:
        """The scheme of the service's address, as it was given."""
        return httpx.URL(self._address).scheme

    @property
    def _is_here(self) -> bool:
        return httpx.URL(self._address).host.startswith(("127.", "localhost", "::1"))

    def websocket(self, path: str) -> dict[str, Any]:
        """Return what websockets.connect is called with for a WebSocket of the service at `path`."""
        scheme, _, rest = self._address.rstrip("/").partition("://")
        secure = scheme == "https"
        return {
            "uri": f"{'wss' if secure else 'ws'}://{rest}/api/v1{path}",
            "additional_headers": {"Authorization": f"Bearer {self._token}"},
            "proxy": None if self._is_here else True,
            **({"ssl": _trusting(self._ca)} if secure else {}),
        }

    def refused(self, status: int, content: bytes) -> WorkbenchError:
        """Return the error that a response of another status than 200 is."""
        try:
            _parsed(status, content)
        except WorkbenchError as error:
            return error
        return WorkbenchError(f"the service speaks no WebSocket: {status}", hint="is it older than this program?")

    def unreachable(self, error: Exception) -> WorkbenchError:
        """Return the error for a service that does not answer, or is not to be trusted."""
        return self._unreachable(error)

    def __call__(self, method: str, path: str, /, body: object = None, **params: object) -> Any:  # noqa: ANN401
        """Send, and return the response's data; raises ServiceError, or WorkbenchError when there is no response."""
        try:
            response = self._http.request(method, f"/api/v1{path}", json=body, params=_query(params))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return _parsed(response.status_code, response.content)["data"]

    def lines(
        self, path: str, body: object = None, *, method: str = "POST", **params: object
    ) -> Generator[dict[str, Any], None, None]:
        """Send, and yield the lines of the response as they come."""
        try:
            with self._http.stream(method, f"/api/v1{path}", json=body, params=_query(params)) as response:
                if response.status_code != 200:
                    _parsed(response.status_code, response.read())
                for line in response.iter_lines():
                    if line:  # an empty one says that it goes on
                        yield json.loads(line)
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from None

    @contextmanager
    def download(self, path: str, /, **params: object) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of a response that is no JSON."""
        try:
            with self._http.stream("GET", f"/api/v1{path}", params=_query(params)) as response:
                if response.status_code != 200:
                    _parsed(response.status_code, response.read())
                yield response.iter_raw()
        except httpx.RemoteProtocolError:
            raise WorkbenchError(
                "the service broke off: it was ended, or there is more than one request moves",
                hint="copy again, or in parts",
            ) from None
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def upload(self, path: str, pieces: Iterator[bytes], /, **params: object) -> Any:  # noqa: ANN401
        """Send an archive in pieces, and return the response's data."""
        headers = {"Content-Type": "application/x-tar"}
        try:
            response = self._http.post(f"/api/v1{path}", content=pieces, headers=headers, params=_query(params))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return _parsed(response.status_code, response.content)["data"]

    def all_pages(self, path: str, name: str) -> dict[str, Any]:
        """Return the data of a list, all its pages together; `name` is where the data has its rows."""
        data: dict[str, Any] = self("GET", path, limit=_PAGE)
        after = data["continue"]
        while after:
            page = self("GET", path, limit=_PAGE, **{"continue": after})
            data[name] += page[name]
            data["total"], after = page["total"], page["continue"]
        return {key: value for key, value in data.items() if key != "continue"}

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the kind and the data of what changes, as it changes, until the service ends the stream."""
        kind = ""
        try:
            with self._http.stream("GET", "/api/v1/events", timeout=_STREAM) as response:
                if response.status_code != 200:
                    _parsed(response.status_code, response.read())
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        yield kind, json.loads(value)
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> WorkbenchError:
        _, is_tls, reason = str(error).partition(_UNTRUSTED)
        if is_tls:
            return WorkbenchError(
                f"the service at {self._address} is not trusted: {reason.partition(' (_ssl')[0]}",
                hint="name the file of its certificate's issuer by --ca or WORKBENCH_CA",
            )
        if isinstance(error, httpx.RemoteProtocolError) and self._address.startswith("http:"):
            return WorkbenchError(f"what is at {self._address} speaks no plain HTTP", hint="is it https?")
        return WorkbenchError(
            f"the service at {self._address} does not answer: {error}",
            hint=f"start it by `{here('serve')}`, or name it by --address or WORKBENCH_ADDRESS",
        )


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        message = (
            "is no certificate in PEM form" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        )
        raise WorkbenchError(message, where=ca, hint="check --ca or WORKBENCH_CA") from None


def _query(params: dict[str, object]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}


def _parsed(status: int, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
        if status == 200:
            return {"data": found["data"]}
        raise ServiceError(found["msg"], found["code"], status, found.get("hint", ""), int(found.get("gpus", 0)))
    except (ValueError, KeyError, TypeError):
        raise WorkbenchError(
            f"the response ({status}) is not one of this service", hint="check --address or WORKBENCH_ADDRESS"
        ) from None
