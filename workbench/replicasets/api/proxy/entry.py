"""What is shown in place of a set: how to get in, and why it cannot be reached. HTML for people, JSON for programs."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from workbench.replicasets.api.failures import refusal, status_of
from workbench.replicasets.api.proxy.headers import first
from workbench.replicasets.errors import ReplicaSetError

_FILE = Path(__file__).with_name("entry.html")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# What a page of a set that is about to run says, and when it is looked for again.
_AGAIN_SECONDS = 3
_PASSING = ("is pending", "is restarting", "does not answer", "is busy")


@cache
def _page() -> tuple[str, str, str, str]:
    """Return the page's text and its style, and what lets its script and its style through a policy."""
    text = _FILE.read_text(encoding="utf-8")
    script, style = (text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("script", "style"))
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (script, style)]
    return text, style, f"script-src 'sha256-{digests[0]}'", f"style-src 'sha256-{digests[1]}'"


def entry(headers: Iterable[tuple[bytes, bytes]], service: str) -> Response:
    """Return how to get in; the page takes a ticket after `#` to a session.

    `service` is the port of the service's own page at the same host, whose links it does not ask about; "" for none.
    """
    if not _is_person(headers):
        return _closed(
            refusal(401, 401, "a session is needed", "open the set from the service's page, or by `rs open`")
        )
    text, _, script, style = _page()
    policy = f"default-src 'none'; {script}; {style}; connect-src 'self'; base-uri 'none'; form-action 'none'"
    page = text.replace("SERVICE", html.escape(service))
    return HTMLResponse(page, 401, {**_SAFE, "Content-Security-Policy": f"{policy}; frame-ancestors 'none'"})


def refused(headers: Iterable[tuple[bytes, bytes]], status: int, message: str, hint: str = "") -> Response:
    """Return that something is refused, or not there."""
    passing = status in (502, 503, 504) or any(each in message for each in _PASSING)
    if not _is_person(headers):
        more = {"Retry-After": str(_AGAIN_SECONDS)} if passing or status == 429 else {}
        return _closed(refusal(status, status, message, hint, more))
    again = f'<meta http-equiv="refresh" content="{_AGAIN_SECONDS}">' if passing else ""
    wait = "<p>This page looks again by itself.</p>" if passing else ""
    _, style, _, source = _page()
    shown = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(hint))
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(message[:100])}</title><style>{style}</style><main><h1>{html.escape(message)}</h1>"
        f"<p>{shown}</p>{wait}</main></html>"
    )
    policy = f"default-src 'none'; {source}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    return HTMLResponse(body, status, {**_SAFE, "X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": policy})


def failed(headers: Iterable[tuple[bytes, bytes]], error: ReplicaSetError) -> Response:
    """Return why a set cannot be reached, and what next."""
    return refused(headers, status_of(error), error.message, error.hint)


def _closed(response: Response) -> Response:
    response.headers.update(_SAFE)
    return response


def _is_person(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return "text/html" in first(headers, b"accept")
