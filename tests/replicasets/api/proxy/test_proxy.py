"""Requests and WebSockets on their way to a set and back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from tests.replicasets.api.conftest import until
from tests.replicasets.api.proxy.conftest import Proxied
from tests.replicasets.api.proxy.upstream import pieces
from workbench.replicasets.requests import PatchRequest


def test_what_a_set_gets_and_gives(proxied: Proxied) -> None:
    proxied.run("foo", env=("WORKBENCH_TOKEN=of-the-set-1",))
    proxied.ide.more = [
        (b"service-worker-allowed", b"/"),
        (b"clear-site-data", b'"cookies"'),
        (b"set-cookie", b"a=1; Path=/; Domain=127.0.0.1; HttpOnly"),
        (b"set-cookie", b"workbench-session=evil; Path=/s/foo"),
        (b"x-own", b"kept"),
    ]
    with proxied.browser("foo") as client:
        cookie = f"{client.headers['Cookie']}; mine=2"
        more = {"Connection": "x-hop", "X-Hop": "1", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
        found = client.get("/s/foo/a%2Fb//c?q=%20x", headers={"Cookie": cookie, **more, "Accept-Encoding": "gzip"})
        assert (found.status_code, found.text) == (200, proxied.ide.page)
        assert found.headers.get_list("set-cookie") == ["a=1; HttpOnly; Path=/s/foo/"]
        assert "service-worker-allowed" not in found.headers and "clear-site-data" not in found.headers
        assert (found.headers["x-own"], found.headers["referrer-policy"]) == ("kept", "same-origin")
        sent = proxied.ide.seen[-1]
        assert sent["target"] == "/a%2Fb//c?q=%20x"
        head = sent["headers"]
        assert (head["cookie"], head["authorization"]) == ("mine=2", "Bearer of-the-set-1")
        assert (head["x-forwarded-for"], head["x-forwarded-prefix"]) == ("127.0.0.1", "/s/foo")
        assert (head["x-forwarded-proto"], head["host"]) == ("http", proxied.sets.removeprefix("http://"))
        assert not {"x-hop", "forwarded", "connection"} & {*head} - {"connection"}
        # Redirects of the container's own are below the set.
        assert client.get("/s/foo/302").headers["location"] == "/s/foo/elsewhere"
        for status in (204, 304, 404, 500):
            assert client.get(f"/s/foo/{status}").status_code == status
        assert client.head("/s/foo/200").headers["etag"] == '"1"'
        for method in ("PUT", "PATCH", "DELETE"):
            client.request(method, "/s/foo/x", content=b"1", headers={"Range": "bytes=0-"})
            assert (proxied.ide.seen[-1]["method"], proxied.ide.seen[-1]["headers"]["range"]) == (method, "bytes=0-")
        assert client.get("/s/foo?a=b").headers["location"] == "/s/foo/?a=b"
    # What knows its prefix is passed the whole path.
    proxied.run("bar", env=("NB_PREFIX=/s/bar",))
    with proxied.browser("bar") as client:
        assert client.get("/s/bar/302").headers["location"] == "/elsewhere"
        assert proxied.ide.seen[-1]["target"] == "/s/bar/302"


def test_streams(proxied: Proxied) -> None:
    proxied.run("foo")
    with proxied.browser("foo") as client:
        # What a set says is here at once, and it knows when the client has gone.
        with client.stream("GET", "/s/foo/events") as found:
            assert next(found.iter_raw()) == b"data: 1\n\n"
        assert proxied.ide.gone.wait(10)
        count, cookie = 64, client.headers["Cookie"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def both() -> tuple[int, list[object]]:
        async with httpx.AsyncClient(base_url=proxied.sets, headers={"Cookie": cookie}, timeout=60) as client:
            got = await client.post("/s/foo/upload", content=pieces(count))
            read = 0
            async with client.stream("GET", "/s/foo/large") as found:
                async for piece in found.aiter_raw():
                    read += len(piece)
            return read, got.json()

    read, got = asyncio.run(both())
    digest = hashlib.sha256()
    for number in range(count):
        digest.update(bytes([number % 251]) * (1 << 20))
    assert (read, got) == (64 << 20, [count << 20, digest.hexdigest()])
    # Neither was here whole.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10


def test_websockets(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.replicasets.api.proxy.gateway.LOOK_SECONDS", 0.1)
    proxied.run("foo")
    cookie = proxied.browser("foo").headers["Cookie"]
    at = proxied.sets.replace("http", "ws") + "/s/foo"
    headers = {"Cookie": cookie, "Origin": proxied.sets}

    async def talk() -> None:
        async with connect(f"{at}/ws", additional_headers=headers, subprotocols=["a", "b"], max_size=None) as ws:  # type: ignore[list-item]
            assert ws.subprotocol == "b" and "permessage-deflate" in ws.response.headers["Sec-WebSocket-Extensions"]  # type: ignore[union-attr]
            for data in ("text", b"\x00bytes", b"x" * (20 << 20)):
                await ws.send(data)
                assert await ws.recv() == data
            await (await ws.ping())
            await ws.send("end")
            with pytest.raises(websockets.ConnectionClosedError) as ended:
                await ws.recv()
            assert ended.value.rcvd is not None
            assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4321, "as you said")
        for path, sent, status in (
            ("/denied", headers, 403),
            ("/ws", {"Cookie": cookie, "Origin": "http://127.0.0.1:1"}, 403),
            ("/ws", {"Origin": proxied.sets}, 401),
        ):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await connect(at + path, additional_headers=sent)
            assert refused.value.response.status_code == status, path
        # The token of whoever opened it counts no more: it ends.
        ws = await connect(f"{at}/ws", additional_headers=headers)
        proxied.known.revoke("op")
        async with asyncio.timeout(20):
            await ws.wait_closed()

    asyncio.run(talk())
    until(lambda: proxied.ide.gone.is_set())


def test_what_is_not_there(proxied: Proxied) -> None:
    proxied.run("foo")
    with proxied.browser("foo") as client:
        html = {"Accept": "text/html"}
        # Its program listens no more, or not yet.
        place = proxied.ide.port
        proxied.room.patch("foo", _ports("1"))
        found = client.get("/s/foo/", headers=html)
        assert found.status_code == 502 and "foo does not answer" in found.text and "http-equiv" in found.text
        assert client.get("/s/foo/x").json()["msg"] == "foo does not answer"
        # A patch leads to the version that is there now, with the session of before.
        proxied.room.patch("foo", _ports(str(place)))
        assert client.get("/s/foo/x").status_code == 200
        proxied.room.stop("foo")
        found = client.get("/s/foo/", headers=html)
        assert found.status_code == 409 and "foo is stopped" in found.text and "<code>rs restart foo<" in found.text
        assert client.get("/s/foo/").json()["hint"].startswith("`rs restart foo`")
        proxied.room.rollback("foo", 1)
        assert client.get("/s/foo/x").status_code == 200
        # Another set of the same name is another one.
        proxied.room.delete("foo")
        proxied.run("foo")
        assert client.get("/s/foo/x").status_code == 401
        for path in ("/", "/api/v1/replicaSet", "/s/", "/s/-", "/s/foo:99999/"):
            assert client.get(path).status_code == 404, path
    assert json.loads(httpx.get(f"{proxied.sets}/s/nothing/").text)["code"] == 401


def _ports(*ports: str) -> PatchRequest:
    return PatchRequest(ports=list(ports))
