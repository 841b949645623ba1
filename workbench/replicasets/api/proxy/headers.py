"""What of a request and of a response is passed on: nothing of the hop, nothing of the service's, nothing too wide."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.replicasets.api.proxy.places import Place

Headers = list[tuple[bytes, bytes]]
COOKIE = "workbench-session"
# RFC 9110, 7.6.1, and what proxies are sent. HTTP itself is spoken anew on each side: h11 frames what is passed on.
_HOP = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authenticate "
    b"proxy-authorization proxy-authentication-info http2-settings expect".split()
)
# Where a request comes from is what this side says.
_OURS = (b"x-forwarded-", b"x-real-", b"x-original-", b"x-rewrite-")
_OUR_WORDS = frozenset((b"forwarded", b"x-scheme", b"x-script-name", b"remote-user"))
# What a response would have done to the whole origin, where other sets are too: service workers beyond its path,
# deleting everybody's cookies, moving or reporting what is loaded from here.
_WIDE = frozenset(
    b"service-worker-allowed clear-site-data alt-svc strict-transport-security public-key-pins nel report-to "
    b"set-cookie2".split()
)
_FRAMES = (b"content-security-policy", b"frame-ancestors 'self'")


def cookies(headers: Iterable[tuple[bytes, bytes]], name: str = COOKIE) -> list[str]:
    """Return the values that a cookie has: a page may have set more, with a longer path."""
    pairs = (each.strip().partition("=") for each in _cookie(headers).split(";"))
    return [value for key, _, value in pairs if key == name]


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """Return the first value of a header, "" for none."""
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def to_set(
    headers: Iterable[tuple[bytes, bytes]], *, place: Place, client: str, scheme: str, token: str, is_ours: bool
) -> Headers:
    """Return the headers of a request as the set gets them, with `token` where the client has sent none to it.

    `is_ours` is whether Authorization has a token of the service, which is no set's.
    """
    headers = list(headers)
    hop = _HOP | _named(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name not in hop and name not in _OUR_WORDS and not name.startswith(_OURS) and name != b"cookie"
    ]
    if is_ours:
        kept = [(name, value) for name, value in kept if name != b"authorization"]
    others = [each.strip() for each in _cookie(headers).split(";")]
    others = [each for each in others if each and each.partition("=")[0] != COOKIE]
    if others:
        kept.append((b"cookie", "; ".join(others).encode("latin-1")))
    if token and not first(kept, b"authorization"):
        kept.append((b"authorization", f"Bearer {token}".encode()))
    host = first(headers, b"host")
    for name, value in (("for", client), ("host", host), ("proto", scheme), ("prefix", place.path)):
        kept.append((f"x-forwarded-{name}".encode(), value.encode("latin-1")))
    return kept


def from_set(headers: Iterable[tuple[bytes, bytes]], *, place: Place, stripped: str | None, hosts: set[str]) -> Headers:
    """Return the headers of a response as the client gets them.

    `stripped` is what the set was sent in place of the place's path, None when it was sent that. `hosts` are what its
    own addresses may call this host.
    """
    headers = [(name.lower(), value) for name, value in headers]
    hop = _HOP | _named(headers)
    kept: Headers = []
    for name, value in headers:
        if name in hop or name in _WIDE:
            continue
        if name == b"set-cookie":
            if (cookie := _narrowed(value.decode("latin-1"), place, stripped)) is not None:
                kept.append((name, cookie.encode("latin-1")))
        elif name in (b"location", b"content-location"):
            kept.append((name, _led(value.decode("latin-1"), place, stripped, hosts).encode("latin-1")))
        else:
            kept.append((name, value))
    kept.append(_FRAMES)
    if not first(kept, b"referrer-policy"):
        kept.append((b"referrer-policy", b"same-origin"))
    return kept


def _cookie(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return ";".join(value.decode("latin-1") for name, value in headers if name == b"cookie")


def _named(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Return the headers that Connection names: they are of the hop too."""
    found = b",".join(value for name, value in headers if name == b"connection")
    return {each.strip().lower() for each in found.split(b",")}


def _narrowed(text: str, place: Place, stripped: str | None) -> str | None:
    """Return a cookie of the set's with a path below its place and no domain; None for one that is called like ours."""
    pair, *attributes = text.split(";")
    # Browsers send one without a name, `=a=b`, as `a=b`.
    if pair.strip().lstrip("= \t").partition("=")[0].strip().lower() == COOKIE:
        return None
    path, kept = "", [pair.strip()]
    for each in (each.strip() for each in attributes):
        key, _, value = each.partition("=")
        if key.strip().lower() == "path":
            path = value.strip()
        elif key.strip().lower() != "domain":
            kept.append(each)
    return "; ".join([*kept, f"Path={_below(path, place, stripped)}"])


def _below(path: str, place: Place, stripped: str | None) -> str:
    def is_own() -> bool:
        # With dots in it, it might be another one by the time that a browser compares it.
        return (path == place.path or path.startswith(f"{place.path}/")) and "/." not in path

    if not is_own() and stripped is not None and (path == stripped or path.startswith(f"{stripped}/")):
        path = place.path + path.removeprefix(stripped)
    return path if is_own() else f"{place.path}/"


def _led(text: str, place: Place, stripped: str | None, hosts: set[str]) -> str:
    """Return where a response leads: an address of the container's own is one of the place."""
    found = re.match(r"(?:https?:)?//([^/?#\\]*)", text, re.IGNORECASE)
    if found is not None and found[1].lower() in hosts:
        # One slash: `//name` would be another host.
        text = "/" + text[found.end() :].lstrip("/\\")
    elif found is not None or not text.startswith("/"):
        return text
    if stripped is None or text == place.path or text.startswith(f"{place.path}/"):
        return text
    return place.path + (text.removeprefix(stripped) if text.startswith(f"{stripped}/") else text)
