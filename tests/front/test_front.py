"""The front with a real nginx before a small server: paths, redirects, probes, culling, signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import search_path
from tests.front.running import IDLE_SECONDS, SERVER, Front, front
from tests.front.server import STATUS
from workbench_front.supervise import PATIENCE

PREFIX = "/notebook/team/mine"

pytestmark = pytest.mark.skipif(shutil.which("nginx", path=search_path()) is None, reason="nginx not installed")


@pytest.fixture(params=[("", False), ("", True), (PREFIX, False), (PREFIX + "/", True)], ids=str)
def running(request: pytest.FixtureRequest, short_path: Path) -> Iterator[tuple[Front, bool]]:
    prefix, strip = request.param
    flags = ["--strip-prefix", "--health=/"] if strip else []
    with front(short_path, *flags, "--heartbeat=/healthz", "--heartbeat=/at/*/beat", prefix=prefix) as started:
        started.ready()
        yield started, strip


def test_paths_redirects_and_headers(running: tuple[Front, bool]) -> None:
    started, strip = running
    prefix, root = started.prefix, "" if strip else started.prefix
    status, _, body = started.get(f"{prefix}/a%2Fb/%C3%BC?x=%20y")
    assert (status, json.loads(body)["path"]) == (200, f"{root}/a%2Fb/%C3%BC?x=%20y")
    status, _, body = started.get(f"{prefix}/x", {"X-Forwarded-Proto": "https", "Host": "outside.example.com"})
    headers = json.loads(body)["headers"]
    assert headers["Host"] == headers["X-Forwarded-Host"] == "outside.example.com"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers.get("X-Forwarded-Prefix", "") == (prefix if strip else "")
    assert json.loads(started.get(f"{prefix}/x")[2])["headers"]["X-Forwarded-Proto"] == "http"
    # A server that knows its prefix, though requests come without it, has it in redirects: once is enough.
    for own in {root, prefix}:
        for to in (f"{own}/there?q=1", f"http://HOST{own}/there?q=1", f"https://HOST{own}/there?q=1"):
            status, location, _ = started.get(f"{prefix}/redirect?to={to.replace('?', '%3F')}")
            assert (status, location) == (302, f"{prefix}/there?q=1")
    assert started.get(f"{prefix}/redirect?to=./there")[1] == "./there"
    assert started.get(f"{prefix}/redirect?to=https://example.com/x")[1] == "https://example.com/x"
    if prefix:
        assert started.get("/")[:2] == (302, f"{prefix}/")
        assert started.get(f"{prefix}?a=b")[:2] == (302, f"{prefix}/?a=b")
        assert [started.get(path)[0] for path in ("/x", "/api", "/api/kernels", f"{prefix}x")] == [404] * 4


def test_culling_sees_activity_and_its_end(running: tuple[Front, bool]) -> None:
    started, _ = running
    kernel = started.becomes("busy", using=f"{started.prefix}/x")
    assert (kernel["name"], kernel["connections"]) == ("small", 0)
    before = started.becomes("idle")["last_activity"]
    for path in ("/healthz", "/healthz/", "/at/any%20thing/beat?x=1", "/api", "/api/kernels", "/api/terminals"):
        assert started.get(started.prefix + path)[0] == 200
    kernel = started.kernel()
    assert (kernel["execution_state"], kernel["last_activity"]) == ("idle", before)
    assert started.becomes("busy", using=f"{started.prefix}/at/beat")["last_activity"] > before
    started.becomes("idle")


def test_the_start_is_activity(short_path: Path) -> None:
    with front(short_path, environ={"WORKBENCH_IDLE_SECONDS": "600"}) as started:
        started.ready()
        assert started.kernel()["execution_state"] == "busy"


def test_an_open_socket_is_activity(running: tuple[Front, bool]) -> None:
    started, _ = running
    with socket.create_connection(("127.0.0.1", started.port), timeout=60) as browser:
        request = (
            f"GET {started.prefix}/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )
        browser.sendall(request.encode())
        response = browser.recv(4096)
        assert response.startswith(b"HTTP/1.1 101 ")
        assert b"upgrade: websocket" in response.lower()
        browser.sendall(b"ping\n")
        assert browser.recv(4096) == b"ping\n"
        time.sleep(IDLE_SECONDS + 0.5)
        kernel = started.kernel()
        assert (kernel["execution_state"], kernel["connections"]) == ("busy", 1)
    assert started.becomes("idle")["connections"] == 0


def test_the_probe_fails_until_the_server_responds(short_path: Path) -> None:
    slow = ("sh", "-c", f"sleep 2; exec {sys.executable} {SERVER} {{port}}")
    with front(short_path, server=slow) as started:
        statuses = set()
        deadline = time.monotonic() + 60
        while 200 not in statuses and time.monotonic() < deadline:
            try:
                statuses.add(started.get("/api")[0])
            except OSError:
                time.sleep(0.1)
        assert statuses == {503, 200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_server_and_its_status_is_ours(short_path: Path, number: signal.Signals) -> None:
    server = (sys.executable, str(SERVER), "{port}")
    with front(short_path, server=server) as started:
        started.ready()
        started.process.send_signal(number)
        assert started.process.wait(60) == (STATUS if number == signal.SIGTERM else 128 + number)
    assert list((short_path / "tmp").iterdir()) == [], "the private folder is gone"


def test_a_server_that_ends_by_itself_ends_everything(short_path: Path) -> None:
    with front(short_path) as started:
        started.ready()
        started.get("/exit")
        assert started.process.wait(60) == STATUS
        with pytest.raises(OSError, match="refused"):
            started.get("/api")


@pytest.mark.thorough
def test_a_server_that_does_not_end_is_killed(short_path: Path) -> None:
    server = (sys.executable, str(SERVER), "{port}", "stubborn")
    with front(short_path, server=server) as started:
        started.ready()
        started.process.terminate()
        assert started.process.wait(60) == 128 + signal.SIGKILL


def test_a_server_is_killed_before_a_platform_kills_the_container() -> None:
    # The shortest grace of those that start workbenches: podman's and docker's stop, ten seconds (Kubernetes has 30).
    assert PATIENCE < 10


def test_an_nginx_that_ends_is_a_failure(short_path: Path) -> None:
    with front(short_path) as started:
        started.ready()
        (folder,) = (short_path / "tmp").iterdir()
        os.kill(int((folder / "nginx.pid").read_text()), signal.SIGTERM)
        assert started.process.wait(60) == 1


def test_a_server_that_cannot_be_started_is_reported(short_path: Path) -> None:
    with front(short_path, server=("/no/such/server",)) as started:
        assert started.process.wait(60) == 127


def test_settings_that_cannot_be_used_are_reported(short_path: Path) -> None:
    with front(short_path, prefix="/a b") as started:
        assert started.process.wait(60) == 2
