"""The front of our images, with a real nginx, behind the service: nobody types its token, and no set sees it."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.engine import free_port, search_path
from tests.front.running import front
from tests.replicasets.api.proxy.conftest import Proxied
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller
from workbench.tag import TAG_LABEL


@pytest.mark.skipif(shutil.which("nginx", path=search_path()) is None, reason="nginx not installed")
def test_the_front_lets_the_service_in(proxied: Proxied, short_path: Path) -> None:
    proxied.engine.stored["localhost/ours:1"] = ("ours", {}, {TAG_LABEL: "vscode-minimal"}, 1)
    port = free_port()
    proxied.room.run(RunRequest("localhost/ours:1", "foo", ports=[str(port)]), Caller("op"))
    environ = dict(each.partition("=")[::2] for each in proxied.room.info("foo").version.env)
    prefix = environ.pop("NB_PREFIX")
    with front(short_path, "--strip-prefix", "--health=/", prefix=prefix, environ=environ, port=port) as started:
        started.ready()
        with proxied.browser("foo") as client:
            # A name with a dot: the front takes those for strangers' unless it knows them.
            host = {"Host": "lab.example.org:2379"}
            found = client.get("/s/foo/x?a=1", headers=host)
            assert found.status_code == 200, found.text
            received = json.loads(found.text)
            assert received["path"] == "/x?a=1" and environ["WORKBENCH_TOKEN"] not in found.text
            assert received["headers"]["Host"] == host["Host"]
            origin = {"Origin": "http://lab.example.org:2379"}
            # It is the server that knows no POST: the front lets it through.
            assert client.post("/s/foo/x", headers={**host, **origin}).status_code == 501
            key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
            upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Cookie": client.headers["cookie"], **key}
            lines = [f"{name}: {value}" for name, value in {**host, **origin, **upgrade}.items()]
            with socket.create_connection(("127.0.0.1", proxied.workbenches.site.port), 60) as line:
                line.sendall("\r\n".join(["GET /s/foo/socket HTTP/1.1", *lines, "", ""]).encode())
                received_from = line.makefile("rb")
                assert received_from.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
                while received_from.readline() != b"\r\n":
                    pass
                # What this server speaks then is lines.
                line.sendall(b"hello\n")
                assert received_from.readline() == b"hello\n"
        # The port itself is no way past the login.
        assert started.get(f"{prefix}/x")[0] == 401
