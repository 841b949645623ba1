"""The Docker Engine's HTTP API: what BuildKit's own one does not do, which is images and containers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

import httpx

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.address import Address, Certificates

# An image takes as long to load as it does; a connection that is not made at once never is.
_TIMEOUT = httpx.Timeout(None, connect=10.0)
_TAR = {"Content-Type": "application/x-tar"}


class RequestOptions(TypedDict, total=False):
    """What a request has beside its method and path; `content` is a tar, piece by piece."""

    query: Mapping[str, str]
    data: object
    content: Iterable[bytes]
    headers: Mapping[str, str]
    seconds: float


class EngineApi:
    """Sends requests to the Docker Engine at an address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # A socket of this machine, or TLS; a proxy is for neither.
        transport = httpx.HTTPTransport(uds=address.path or None, verify=_trust(address.certificates))
        scheme = "https" if address.certificates else "http"
        where = str(address).replace("tcp", scheme, 1) if address.host else "http://docker"
        self._client = httpx.Client(base_url=where, transport=transport, timeout=_TIMEOUT, trust_env=False)

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> httpx.Response:
        """Return the engine's response, whatever its status; raises WorkbenchError when there is none."""
        seconds, content = options.get("seconds"), options.get("content")
        try:
            return self._client.request(
                method,
                path,
                params=options.get("query"),
                json=options.get("data"),
                content=content,
                headers={**(_TAR if content is not None else {}), **options.get("headers", {})},
                timeout=httpx.Timeout(seconds, connect=10.0) if seconds else _TIMEOUT,
            )
        except httpx.TimeoutException:
            raise WorkbenchError(f"the Docker Engine at {self.address} did not respond within {seconds} s") from None
        except httpx.HTTPError as error:
            raise WorkbenchError(
                f"the Docker Engine at {self.address} does not respond: {error}",
                hint="is it running, and may you use its socket (group docker)?",
            ) from None

    def checked(self, what: str, method: str, path: str, **options: Unpack[RequestOptions]) -> httpx.Response:
        """Return the engine's response; raises WorkbenchError "… cannot `what`: …" when it refuses."""
        response = self.request(method, path, **options)
        if response.status_code >= 400:
            raise WorkbenchError(f"the Docker Engine cannot {what}: {refusal(response)}")
        return response

    def streamed(self, what: str, method: str, path: str, **options: Unpack[RequestOptions]) -> list[dict[str, Any]]:
        """Return the messages of a response with one JSON document a line; raises WorkbenchError for an error in it.

        Its status is 200 before it begins, so a failure is only ever in the last of them.
        """
        response = self.checked(what, method, path, **options)
        messages = [json.loads(line) for line in response.text.splitlines() if line.strip()]
        for message in messages:
            if "error" in message:
                raise WorkbenchError(f"the Docker Engine cannot {what}: {message['error']}")
        return messages


def refusal(response: httpx.Response) -> str:
    """Return the engine's own reason for refusing."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip() or f"HTTP status {response.status_code}"


def _trust(files: Certificates | None) -> ssl.SSLContext | bool:
    if files is None:
        return False  # nothing is encrypted, so there is nothing to verify
    context = ssl.create_default_context(cafile=files.ca)
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key)
    return context
