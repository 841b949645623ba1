"""What a page, a client or a set may try, to get from one set to another or to the service: byte by byte."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import httpx
import pytest

from tests.replicasets.api.proxy.conftest import Proxied

# Behind `/s/foo`, or in place of it: what could be another path by the time that somebody else reads it.
PATHS = (
    "/s/foo/../bar/x",
    "/s/foo/./../bar/x",
    "/s/foo/%2e%2e/bar/x",
    "/s/foo/..%2fbar/x",
    "/s/foo/..;/bar/x",
    "/s/foo//../bar/x",
    "/s/foo/x\\..\\..\\bar/x",
    "/s/foo/x?/../../s/bar/",
    "/s/foo/x%23/../bar",
    "/s/foo/@127.0.0.1/s/bar/",
    "/s/foo//127.0.0.1/s/bar/",
)
NOWHERE = (
    "/s/bar/x",
    "/s/fo%6f/x",
    "/s//foo/x",
    "//s/foo/x",
    "/./s/foo/x",
    "/s/%2e%2e/s/foo/x",
    "/s/foo%2f/x",
    "/s/foo;x/",
    "/s/foo\\..\\bar/x",
    "/s/foo%00/x",
    "http://127.0.0.1/s/foo/x",
    "http://127.0.0.1/s/bar/x",
    "//127.0.0.1/s/foo/x",
    "/S/foo/x",
    "/s/foo:0/",
    "/s/foo:08888/",
    "/api/v1/replicaSet",
    "*",
)


def raw(proxied: Proxied, *lines: str, body: bytes = b"") -> bytes:
    """Send a request as it is, and return what comes until the server closes, or has nothing more for a moment."""
    received = b""
    with (
        suppress(TimeoutError, ConnectionError),
        socket.create_connection(("127.0.0.1", proxied.workbenches.site.port), 30) as line,
    ):
        line.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        line.settimeout(0.5)
        while piece := line.recv(65536):
            received += piece
    return received


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


@pytest.fixture
def lines(proxied: Proxied) -> tuple[str, ...]:
    """The headers of a browser with a session of foo, beside a set bar of the same owner."""
    proxied.run("foo")
    proxied.run("bar")
    with proxied.browser("foo") as client:
        host = proxied.sets.removeprefix("http://")
        return (f"Host: {host}", f"Cookie: {client.headers['cookie']}", "Connection: close")


def test_no_path_leads_to_another_set(proxied: Proxied, lines: tuple[str, ...]) -> None:
    for path in PATHS:
        before = len(proxied.ide.seen)
        found = raw(proxied, f"GET {path} HTTP/1.1", *lines)
        assert status(found) in (200, 400), path
        for each in proxied.ide.seen[before:]:
            # As it came: what it means is the set's, and it is foo's.
            assert each["headers"]["x-forwarded-prefix"] == "/s/foo", path
            assert each["target"] == path.removeprefix("/s/foo"), path
    before = len(proxied.ide.seen)
    for path in NOWHERE:
        assert status(raw(proxied, f"GET {path} HTTP/1.1", *lines)) in (400, 401, 404), path
    assert len(proxied.ide.seen) == before


def test_a_request_is_one_request(proxied: Proxied, lines: tuple[str, ...]) -> None:
    """However its length is given: what a set reads is what was let in."""
    hidden = b"GET /s/bar/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    both = ("Content-Length: 4", "Transfer-Encoding: chunked")
    before = len(proxied.ide.seen)
    raw(proxied, "POST /s/foo/upload HTTP/1.1", *lines, *both, body=chunked)
    for each in proxied.ide.seen[before:]:
        assert "content-length" not in each["headers"] and each["headers"]["transfer-encoding"] == "chunked"
    for wrong in (
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: +4",),
        ("Content-Length: 4 ", "Transfer-Encoding: xchunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding:\x0bchunked",),
        ("Host: other.example.org",),
    ):
        found = raw(proxied, "POST /s/foo/upload HTTP/1.1", *lines, *wrong, body=hidden)
        assert status(found) in (400, 501), wrong
    assert not any("hidden" in each["target"] for each in proxied.ide.seen)
    # A body that goes with a GET is one; it begins no other request on the connection to the set.
    raw(proxied, "GET /s/foo/x HTTP/1.1", *lines, f"Content-Length: {len(hidden)}", body=hidden)
    raw(proxied, "GET /s/foo/y HTTP/1.1", *lines)
    assert [each["target"] for each in proxied.ide.seen[-2:]] == ["/x", "/y"]


def test_an_upgrade_leads_to_the_set_of_the_session(proxied: Proxied, lines: tuple[str, ...]) -> None:
    key = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Upgrade: websocket")
    head = (*lines[:2], "Connection: Upgrade", *key)
    origin = f"Origin: {proxied.sets}"
    assert status(raw(proxied, "GET /s/foo/ws HTTP/1.1", *head, origin)) == 101
    for path, more, wanted in (
        ("/s/bar/ws", (origin,), 401),
        ("/s/foo/ws", (f"Origin: {proxied.address}",), 403),
        ("/s/foo/ws", (origin, f"Referer: {proxied.sets}/s/bar/lab"), 403),
        ("/session", (origin,), 404),
    ):
        assert status(raw(proxied, f"GET {path} HTTP/1.1", *head, *more)) == wanted, (path, more)
    assert status(raw(proxied, "POST /s/foo/ws HTTP/1.1", *head, origin)) == 400
    # Another upgrade is none: the request goes on without it.
    before = len(proxied.ide.seen)
    h2 = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    raw(proxied, "GET /s/foo/x HTTP/1.1", *lines[:2], *h2)
    assert not {"upgrade", "http2-settings"} & set(proxied.ide.seen[before]["headers"])


WIDE = [
    (b"set-cookie", b"workbench-session=evil"),
    (b"set-cookie", b"=workbench-session=evil; Path=/"),
    (b"set-cookie", b"= workbench-session =evil; Path=/s/bar"),
    (b"set-cookie", b"WORKBENCH-SESSION=evil"),
    (b"set-cookie", b"a=1; path=/s/foo/../bar; domain=.example.org; DOMAIN=x"),
    (b"set-cookie", b"b=1; Path=/s/foobar"),
    (b"set-cookie", b"c=1; Path = /s/foo/lab; SameSite=None"),
    (b"service-worker-allowed", b"/"),
    (b"clear-site-data", b'"*"'),
    (b"strict-transport-security", b"max-age=99999999; includeSubDomains"),
    (b"alt-svc", b'h3=":1"'),
    (b"content-security-policy", b"frame-ancestors *"),
    (b"location", b"http://6.6.6.6/x"),
]


def test_what_a_set_says_is_of_the_set(proxied: Proxied, lines: tuple[str, ...]) -> None:
    proxied.ide.more = WIDE
    with proxied.browser("foo") as client:
        found = client.get("/s/foo/x")
    assert found.headers.get_list("set-cookie") == [
        "a=1; Path=/s/foo/",
        "b=1; Path=/s/foo/s/foobar",
        "c=1; SameSite=None; Path=/s/foo/lab",
    ]
    gone = {"service-worker-allowed", "clear-site-data", "strict-transport-security", "alt-svc"}
    assert not gone & set(found.headers)
    # Two policies hold both.
    assert found.headers.get_list("content-security-policy") == ["frame-ancestors *", "frame-ancestors 'self'"]
    # Where it leads somebody who follows it is its own affair; nothing of the session goes along.
    assert found.headers["location"] == "http://6.6.6.6/x"


def test_a_page_of_a_set_gets_nowhere_with_the_service(proxied: Proxied, lines: tuple[str, ...]) -> None:
    """A browser would send it the cookie: the two have one host."""
    with proxied.browser("foo") as client:
        headers = {"Cookie": client.headers["cookie"], "Origin": proxied.sets, "Sec-Fetch-Site": "same-site"}
    for method, path in (
        ("GET", "/api/v1/replicaSet"),
        ("POST", "/api/v1/replicaSet/foo/session"),
        ("DELETE", "/api/v1/replicaSet/bar"),
        ("OPTIONS", "/api/v1/replicaSet"),
    ):
        found = httpx.request(method, f"{proxied.address}{path}", headers=headers)
        assert found.status_code == 401 and "access-control-allow-origin" not in found.headers, (method, path)
    found = httpx.post(f"{proxied.sets}/session", json={"ticket": "x", "sure": True}, headers=headers)
    assert found.status_code == 403 and "set-cookie" not in found.headers
    assert {each.name for each in proxied.room.sets()} == {"foo", "bar"}


def test_what_is_no_request_ends_at_once(proxied: Proxied, lines: tuple[str, ...]) -> None:
    began = time.monotonic()
    for first in (
        "GET /s/foo/x",
        "G\0T /s/foo/x HTTP/1.1",
        f"GET /s/foo/{'x' * 600_000} HTTP/1.1",
    ):
        assert raw(proxied, first, *lines)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b""), first[:30]
    assert status(raw(proxied, "GET /s/foo/x HTTP/1.0", *lines[1:])) == 400
    assert time.monotonic() - began < 5
