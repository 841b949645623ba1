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


class How(TypedDict, total=False):
    """How a request is sent, beside its method and path; `content` is a tar, piece by piece."""

    query: Mapping[str, str]
    data: object
    content: Iterable[bytes]
    headers: Mapping[str, str]
    seconds: float


class EngineApi:
    """Asks the Docker Engine at an address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # A socket of this machine, or TLS; a proxy is for neither.
        transport = httpx.HTTPTransport(uds=address.path or None, verify=_trust(address.certificates))
        scheme = "https" if address.certificates else "http"
        where = str(address).replace("tcp", scheme, 1) if address.host else "http://docker"
        self._client = httpx.Client(base_url=where, transport=transport, timeout=_TIMEOUT, trust_env=False)

    def ask(self, method: str, path: str, **how: Unpack[How]) -> httpx.Response:
        """Return what the engine answers, whatever the status; raises WorkbenchError when it does not."""
        seconds, content = how.get("seconds"), how.get("content")
        try:
            return self._client.request(
                method,
                path,
                params=how.get("query"),
                json=how.get("data"),
                content=content,
                headers={**(_TAR if content is not None else {}), **how.get("headers", {})},
                timeout=httpx.Timeout(seconds, connect=10.0) if seconds else _TIMEOUT,
            )
        except httpx.TimeoutException:
            raise WorkbenchError(f"the Docker Engine at {self.address} did not answer within {seconds} s") from None
        except httpx.HTTPError as error:
            raise WorkbenchError(
                f"the Docker Engine at {self.address} does not answer: {error}",
                hint="is it running, and may you use its socket (group docker)?",
            ) from None

    def tell(self, what: str, method: str, path: str, **how: Unpack[How]) -> httpx.Response:
        """Return what the engine answers; raises WorkbenchError "… cannot `what`: …" when it refuses."""
        answer = self.ask(method, path, **how)
        if answer.status_code >= 400:
            raise WorkbenchError(f"the Docker Engine cannot {what}: {refusal(answer)}")
        return answer

    def streamed(self, what: str, method: str, path: str, **how: Unpack[How]) -> list[dict[str, Any]]:
        """Return the messages of an answer that is one JSON document a line; raises WorkbenchError for an error in it.

        The engine says 200 before it begins, so a failure is only ever in the last of them.
        """
        answer = self.tell(what, method, path, **how)
        messages = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
        for message in messages:
            if "error" in message:
                raise WorkbenchError(f"the Docker Engine cannot {what}: {message['error']}")
        return messages


def refusal(answer: httpx.Response) -> str:
    """Return the engine's own words for why it refuses."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip() or f"HTTP status {answer.status_code}"


def _trust(files: Certificates | None) -> ssl.SSLContext | bool:
    if files is None:
        return False  # nothing is encrypted, so there is nothing to verify
    context = ssl.create_default_context(cafile=files.ca)
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key)
    return context
