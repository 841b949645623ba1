"""The service attacked: whatever one client does, others are served meanwhile, and neither log nor memory grows."""

from __future__ import annotations

import contextlib
import json
import resource
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.api.test_tls import serving, written
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.api import audit, connections, gate
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.strangers import BURST, LINES, Strangers, network
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller

RUN = {"imageName": IMAGE, "replicaSetName": "foo", "gpuCount": 1}


def connect(address: str) -> socket.socket:
    found = urlsplit(address)
    assert found.hostname and found.port
    return socket.create_connection((found.hostname, found.port), timeout=60)


def begin(address: str, token: str, method: str, path: str, body: object = None) -> socket.socket:
    """Send a request on a connection of its own and return that: nobody waits for the response."""
    content = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
    head += f"Authorization: Bearer {token}\r\n\r\n"
    sender = connect(address)
    sender.sendall(head.encode() + content)
    return sender


def received(senders: list[socket.socket], status: int, count: int) -> list[bytes]:
    """Wait for so many responses, all of that status; return them. Their connections are taken from the list."""
    found: list[bytes] = []

    def enough() -> bool:
        watched, by_number = select.poll(), {each.fileno(): each for each in senders}
        for number in by_number:
            watched.register(number, select.POLLIN)
        for number, _ in watched.poll(0):
            with by_number[number] as sender, sender.makefile("rb") as file:
                found.append(file.read())
            senders.remove(sender)
        return len(found) >= count

    until(enough)
    assert [int(each.split()[1]) for each in found] == [status] * count
    return found


class Endless:
    """A program that is silent until it is ended."""

    running: ClassVar[Counter[str]] = Counter()
    most: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: str, over: threading.Event) -> None:
        self._name, self._over = name, over

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self.running[self._name] += 1
        self.most[self._name] = max(self.most[self._name], self.running[self._name])
        self._over.wait(120)
        self.running[self._name] -= 1
        yield 1, b"over\n"

    def exit_code(self) -> int:
        return 0

    def kill(self) -> None:
        pass

    def close(self) -> None:
        pass


def others_are_served(served: Served, name: str) -> None:
    """Another owner does all there is to do, and whoever watches the service sees it well."""
    with served.client("other") as other, served.client("") as stranger:
        assert stranger.get("/readyz").status_code == stranger.get("/healthz").status_code == 200
        assert other.get("/metrics").status_code == 200
        body = {**RUN, "replicaSetName": name}
        for method, path, sent in (
            ("POST", "/replicaSet", body),
            ("GET", f"/replicaSet/{name}", None),
            ("GET", "/replicaSet", None),
            ("POST", f"/replicaSet/{name}/execute", {"cmd": ["true"]}),
            ("PATCH", f"/replicaSet/{name}/stop", None),
            ("DELETE", f"/replicaSet/{name}", None),
        ):
            response = other.request(method, f"/api/v1{path}", json=sent)
            assert response.status_code == 200, (method, path, response.text)


def test_two_hundred_endless_programs_of_one_token(served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    served.room.run(RunRequest(IMAGE, "bar"), Caller("other"))
    over, short = threading.Event(), served.engine.execute
    Endless.running.clear()
    Endless.most.clear()

    def execute(name: str, command: tuple[str, ...], workdir: str) -> object:
        return Endless(name, over) if command == ("sleep",) else short(name, command, workdir)

    served.engine.execute = execute  # type: ignore[method-assign,assignment]
    body = {"cmd": ["sleep"], "seconds": 90}
    path = "/api/v1/replicaSet/foo/execute"
    senders = [begin(served.address, served.tokens["op"], "POST", path, body) for _ in range(200)]
    try:
        # 8 run and 32 wait; the others need not wait to hear that it is too much.
        refused = received(senders, 429, 160)
        assert all(b"\r\nretry-after: 5\r\n" in each.lower() for each in refused)
        assert json.loads(refused[0].partition(b"\r\n\r\n")[2])["code"] == 429
        others_are_served(served, "baz")
        with served.client("other") as other:
            text = other.get("/metrics").text
        assert 'workbench_requests_served{kind="execute"} 8' in text
        assert 'workbench_requests_waiting{kind="execute"} 32' in text
        # Reading and changing have slots of their own, for the attacker too.
        with served.client("op") as own:
            assert own.get("/api/v1/replicaSet").status_code == 200
            assert own.patch("/api/v1/replicaSet/foo/pause").status_code == 200
        # None of those that run was ended; those that wait come next.
        assert (Endless.running["foo-1"], len(senders)) == (8, 40)
        served.room.continue_("foo")
        over.set()
        done = received(senders, 200, 40)
        assert all(b"over" in each for each in done) and Endless.most["foo-1"] == 8
    finally:
        over.set()
        for each in senders:
            each.close()


def test_changes_that_hang_take_slots_of_their_token_only(served: Served) -> None:
    for number in range(20):
        served.room.run(RunRequest(IMAGE, f"s{number}"), Caller("op"))
    over, stop, hanging = threading.Event(), served.engine.stop, Counter[str]()

    def slow(name: str, seconds: int) -> None:
        if name.startswith("s"):
            hanging["all"] += 1
            over.wait(120)
        stop(name, seconds)

    served.engine.stop = slow  # type: ignore[method-assign]
    paths = [f"/api/v1/replicaSet/s{number % 20}/stop" for number in range(200)]
    senders = [begin(served.address, served.tokens["op"], "PATCH", path) for path in paths]
    try:
        received(senders, 429, 120)
        others_are_served(served, "baz")
        assert hanging["all"] <= 16
    finally:
        over.set()
        for each in senders:
            each.close()


@pytest.mark.thorough
def test_a_check_that_hangs_takes_one_thread_and_is_reported(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    over, checks = threading.Event(), Counter[str]()

    def check() -> None:
        checks["all"] += 1
        over.wait(120)

    monkeypatch.setattr(served.engine, "check", check)
    senders = [begin(served.address, "", "GET", "/readyz") for _ in range(300)]
    try:
        with served.client("other") as other:
            assert other.get("/api/v1/replicaSet").status_code == 200
            assert other.get("/metrics").status_code == 200
            assert other.get("/healthz").status_code == 200
        found = received(senders, 503, 300)
        assert b"more than 10 seconds" in found[0] and checks["all"] == 1
    finally:
        over.set()
        for each in senders:
            each.close()


@pytest.mark.thorough
def test_three_thousand_half_open_connections(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4000:
        pytest.skip(f"only {hard} files may be open at once here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    # 1024 files: what a service is given where nobody thinks of it.
    with serving(tmp_path, files=1024) as address, contextlib.ExitStack() as held:
        token = (tmp_path / "state/operate.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        senders, kinds = [], [b"", b"GET /api", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"POST /api/v1/replicaSet"]
        for number in range(3000):
            sender = held.enter_context(connect(address))
            sender.sendall(kinds[number % 4])
            senders.append(sender)
            if number % 300 == 0:
                assert httpx.get(f"{address}/api/v1/replicaSet", headers=headers, timeout=60).status_code == 200
        # One sends a byte now and then: its time counts from the first one.
        slow = held.enter_context(connect(address))
        slow.sendall(b"GET / HTTP/1.1\r\n")
        trickling = threading.Event()

        def trickle() -> None:
            while not trickling.wait(1):
                try:
                    slow.sendall(b"X")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            left = {each.fileno(): each for each in [*senders, slow]}
            deadline = time.monotonic() + 90
            while left:
                assert httpx.get(f"{address}/readyz", timeout=60).status_code == 503, "there is no engine here"
                assert httpx.get(f"{address}/api/v1/replicaSet", headers=headers, timeout=60).status_code == 200
                assert time.monotonic() < deadline, f"{len(left)} are open still"
                watched = select.poll()
                for number in left:
                    watched.register(number, select.POLLIN)
                for number, _ in watched.poll(200):
                    assert end_of(left.pop(number))
        finally:
            trickling.set()
            thread.join()


def end_of(sender: socket.socket) -> bool:
    """Return whether the other end closes it; what it sends before that is dropped."""
    try:
        while sender.recv(1 << 16):
            pass
        return True
    except ConnectionError:
        return True


@pytest.mark.thorough
def test_handshakes_that_never_end_by_tls(tmp_path: Path) -> None:
    made = trustme.CA()
    flags = written(tmp_path, "good", made.issue_cert("127.0.0.1"))
    with serving(tmp_path, *flags) as address, contextlib.ExitStack() as held:
        senders = [held.enter_context(connect(address)) for _ in range(50)]
        for each in senders[:25]:
            each.sendall(b"\x16\x03\x01")
        assert httpx.get(f"{address}/healthz", verify=False, timeout=60).status_code == 200
        assert all(end_of(each) for each in senders)


def test_long_paths_and_heads(served: Served) -> None:
    log = served.folder / "audit.log"
    token = served.tokens["op"]
    for path in ("/" + "a" * 60_000, "/api/v1/replicaSet/" + "a" * 5_000, "/?" + "a" * 15_000, "/" + "%41" * 1500):
        for who in ("", token):
            for method in ("GET", "DELETE"):
                with begin(served.address, who, method, path) as sender, sender.makefile("rb") as file:
                    assert int(file.read().split()[1]) in (400, 414)
    with served.client() as client:
        assert client.get("/api/v1/replicaSet", headers={"X": "a" * 20_000}).status_code in (400, 431)
        name = "b" * 4_000
        assert client.delete(f"/api/v1/replicaSet/{name}").status_code == 400
        assert client.get("/api/v1/replicaSet").status_code == 200
    lines = log.read_text().splitlines()
    assert max(len(line) for line in lines) < 2_000
    assert json.loads(lines[-1])["path"].endswith("… (4019 characters)")


def test_strangers_get_few_answers_and_fewer_lines(served: Served) -> None:
    with served.client("") as stranger, served.client("op") as client:
        statuses = Counter(stranger.get("/api/v1/replicaSet").status_code for _ in range(BURST + 400))
        assert set(statuses) == {401, 429} and statuses[429] > 100
        last = stranger.delete("/api/v1/replicaSet/foo", headers={"Authorization": "Bearer wrong"})
        assert (last.status_code, last.headers["retry-after"]) == (429, "10")
        # From the same address.
        assert client.get("/api/v1/replicaSet").status_code == 200
        assert stranger.get("/readyz").status_code == 200
    assert len(served.audit()) <= LINES + 100


def test_an_address_is_counted_by_itself_and_forgives() -> None:
    now = [0.0]
    strangers = Strangers(lambda: now[0])
    assert sum(strangers.allows("192.0.2.1") for _ in range(1000)) == BURST
    assert strangers.allows("192.0.2.2")
    now[0] += 10
    assert sum(strangers.allows("192.0.2.1") for _ in range(1000)) == 100
    # A machine has 2^64 IPv6 addresses, and is one address all the same.
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    for number in range(10_000):
        strangers.allows(f"10.0.{number // 256}.{number % 256}")
    assert len(strangers._buckets) == 4096
    assert [strangers.logged() for _ in range(LINES + 3)][-4:] == [0, None, None, None]
    now[0] += 1
    assert [strangers.logged(), strangers.logged()] == [3, 0]


def test_a_body_that_trickles_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CLIENT_SECONDS", 0.5)
    head = f"POST /api/v1/replicaSet HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.tokens['op']}\r\n"
    with connect(served.address) as sender:
        sender.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b" 408 " in sender.recv(1 << 16)
    # A stranger's is not read at all: its connection ends.
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with connect(served.address) as sender:
        sender.sendall(b"POST /api/v1/replicaSet HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert b" 401 " in sender.recv(1 << 16)
        assert end_of(sender)


def test_a_client_that_takes_nothing_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    monkeypatch.setattr(gate, "CLIENT_SECONDS", 0.5)
    ended = threading.Event()

    class Writing(Endless):
        def __iter__(self) -> Iterator[tuple[int, bytes]]:
            for _ in range(1000):
                yield 1, b"x" * 60_000

        def close(self) -> None:
            ended.set()

    served.engine.execute = lambda *_: Writing("foo", ended)  # type: ignore[method-assign]
    body = {"cmd": ["yes"], "maxBytes": 60 << 20}
    path = "/api/v1/replicaSet/foo/execute?stream=true"
    with begin(served.address, served.tokens["op"], "POST", path, body), served.client("other") as other:
        assert ended.wait(60)
        until(lambda: 'workbench_requests_served{kind="execute"} 0' in other.get("/metrics").text)


def test_the_log_rotates_and_keeps_what_it_is_to_keep(tmp_path: Path) -> None:
    log = Audit(str(tmp_path / "audit.log"), most_bytes=2000, kept=3)
    for number in range(60):
        log.write(number=number, path="a" * 1000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert max(file.stat().st_size for file in files) <= 2000
    texts = [file.read_text().splitlines() for file in (*files[:0:-1], files[0])]
    numbers = [json.loads(line)["number"] for lines in texts for line in lines]
    assert numbers == list(range(60 - len(numbers), 60)) and len(numbers) >= 4
    assert len(json.loads(texts[0][0])["path"]) < audit._LONGEST + 30
