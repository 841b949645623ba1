"""Responses as clients of gpu-docker-api 0.0.3 expect them, where ours say more than theirs (`serve --compat`)."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_JSON = b"application/json"
# How the paths of archives end.
ARCHIVES = "/archive"
# As Go writes "2006-01-02 15:04:05": the machine's own time.
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Compat:
    """How far the service is the original's: its `words`, without a token (`is_open`), for pages of these `origins`."""

    words: bool = False
    is_open: bool = False
    origins: tuple[str, ...] = ()

    def refusal(self, scope: Scope) -> str:
        """Return why a request without a token is not let in, "" when it is.

        A page in the machine's own browser reaches loopback too: by another site's name for it (DNS rebinding), or as
        another site's request. Neither is what whoever chose this meant.
        """
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not _is_loopback(f"//{headers.get(b'host', '')}"):
            return "without a token the service is reached as 127.0.0.1 or localhost only"
        if not self.is_of_ours(scope):
            return "without a token requests of other sites' pages are refused"
        return ""

    def is_of_ours(self, scope: Scope) -> bool:
        """Return whether a request is none of a browser's, or of a page of the service or of one of the `origins`."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        return not origin or origin in self.origins or urlsplit(origin).netloc == headers.get(b"host", "")


class Words:
    """Every body is JSON whatever its type says; every response with a code of the original's has HTTP status 200."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        # The original has no archives. With status 200, a client would take an error for one.
        if scope["type"] != "http" or scope["path"].endswith(ARCHIVES):
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
        begun: Message | None = None
        body = b""

        async def sending(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start" and _is_json(message):
                begun = message
            elif begun is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    status, body = _in_their_words(begun["status"], body)
                    kept = [(name, value) for name, value in begun["headers"] if name != b"content-length"]
                    kept.append((b"content-length", str(len(body)).encode()))
                    await send({**begun, "status": status, "headers": kept})
                    await send({"type": "http.response.body", "body": body})

        await self._app({**scope, "headers": [*headers, (b"content-type", _JSON)]}, receive, sending)


def _is_json(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(_JSON) for name, value in start["headers"])


def _in_their_words(status: int, body: bytes) -> tuple[int, bytes]:
    try:
        found = json.loads(body)
    except ValueError:
        return status, body
    if not isinstance(found, dict) or "code" not in found:
        return status, body
    if found["code"] == 200:
        found["msg"] = "Success"
    data = _times(found.get("data"))
    if isinstance(data, dict) and "Info" in data:
        data["info"] = data["Info"]  # their documents write it so, their program the other way
    found["data"] = data
    # What is no code of theirs (a router's 404, and what the gate refuses) is no envelope of theirs either.
    return (200 if found["code"] >= 1000 else status), json.dumps(found).encode()


def _times(data: Any) -> Any:  # noqa: ANN401
    if isinstance(data, list):
        return [_times(each) for each in data]
    if not isinstance(data, dict):
        return data
    return {key: _time(value) if key == "createTime" else _times(value) for key, value in data.items()}


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime(_TIME)
    except (TypeError, ValueError):
        return text


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_origins(texts: Sequence[str]) -> tuple[str, ...]:
    """Return origins such as https://pages.example.org; raises ValueError with the one that is none."""
    for text in texts:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != text:
            raise ValueError(text)
    return tuple(texts)
