"""The queue for GPUs: first come, first served by owner; who cancels, goes or is too late leaves nothing."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.fakes import IMAGE
from workbench.cli import main
from workbench.replicasets.api import queue as endpoint
from workbench.replicasets.client import Client
from workbench.verbs._rs_queue import in_turn

ALL = {**FOO, "gpuCount": 8, "containerPorts": []}
BAR = {**ALL, "replicaSetName": "bar", "gpuCount": 2}


@pytest.fixture
def sees_all() -> bool:
    """Whoever waits sees who does before; test_seeing.py has the rest."""
    return True


@contextmanager
def waiting(client: httpx.Client, name: str, gpus: int, seconds: float = 60) -> Iterator[Iterator[dict[str, Any]]]:
    """Wait in the queue, and yield the lines of the response."""
    query = f"gpus={gpus}&seconds={seconds}"
    with client.stream("POST", f"/api/v1/queue/{name}/turn?{query}") as response:
        assert response.status_code == 200, response.read()
        yield (json.loads(line) for line in response.iter_lines() if line)


def in_queue(client: httpx.Client) -> list[str]:
    return [each["name"] for each in send(client, "GET", "/queue")["waiting"]]


def test_a_turn(client: httpx.Client, served: Served) -> None:
    send(client, "POST", "/replicaSet", ALL)
    with served.client("other") as other:
        refusal = other.post("/api/v1/replicaSet", json=BAR).json()
        assert (refusal["code"], refusal["gpus"], refusal["field"]) == (1013, 2, "gpuCount")
        assert refusal["hint"] == "stop or delete a set, request fewer, or wait for your turn (--wait)"
        with waiting(other, "bar", refusal["gpus"]) as lines:
            assert next(lines) == {"ahead": 0, "free": 0, "called": False}
            (place,) = send(client, "GET", "/queue")["waiting"]
            assert (place["name"], place["owner"], place["gpus"], place["called"]) == ("bar", "other", 2, False)
            assert "workbench_gpus_awaited 1" in client.get("/metrics").text
            send(client, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 7}})
            assert next(lines) == {"ahead": 0, "free": 1, "called": False}
            # What is free is not for who comes later, and less than a set has may always be had.
            later = {**BAR, "replicaSetName": "baz", "gpuCount": 1}
            message = client.post("/api/v1/replicaSet", json=later).json()["msg"]
            assert message == "1 GPUs were requested, and 0 of 8 are available: others wait for those that are free"
            send(client, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 4}})
            assert next(lines) == {"called": True, "seconds": endpoint.TAKE_SECONDS}
            # While it may take its two, the other two are anybody's.
            assert refused(client, "POST", "/replicaSet", {**later, "gpuCount": 3}) == (409, 1013)
            send(client, "POST", "/replicaSet", {**later, "gpuCount": 2})
            assert len(send(other, "POST", "/replicaSet", BAR)["gpus"]) == 2
        until(lambda: in_queue(client) == [])


def test_who_goes_is_too_late_or_is_cancelled_leaves_nothing(
    client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client, "POST", "/replicaSet", ALL)
    with served.client("other") as other, served.client("root") as root:
        with waiting(other, "bar", 2) as lines:
            next(lines)
            assert in_queue(client) == ["bar"]
        until(lambda: in_queue(client) == [])
        with waiting(other, "bar", 2, seconds=0.1) as lines:
            last = list(lines)[-1]
        assert last["msg"] == "the GPUs that bar waits for were not free in time" and in_queue(client) == []
        with waiting(other, "bar", 2) as lines:
            next(lines)
            assert refused(client, "DELETE", "/queue/bar") == (403, 1105)
            send(root, "DELETE", "/queue/bar")
            assert [each["msg"] for each in lines] == ["the wait of bar for GPUs was cancelled"]
        assert refused(other, "DELETE", "/queue/bar") == (404, 1004) and in_queue(client) == []
        # Who is called and does not come makes room for the next.
        monkeypatch.setattr(endpoint, "TAKE_SECONDS", 0.3)
        with waiting(other, "bar", 2) as lines, waiting(other, "baz", 8) as more:
            assert (next(lines)["ahead"], next(more)["ahead"]) == (0, 1)
            send(client, "DELETE", "/replicaSet/foo")
            assert next(lines)["called"]
            assert next(lines)["msg"] == "the turn of bar was not taken within 0.3 seconds"
            while not (line := next(more))["called"]:
                assert line["ahead"] == 0
        until(lambda: in_queue(client) == [])
    send(client, "POST", "/replicaSet", ALL)


def test_what_would_never_be_is_refused_at_once(client: httpx.Client, served: Served) -> None:
    send(client, "POST", "/replicaSet", ALL)
    assert "gpus" not in client.post("/api/v1/replicaSet", json={**BAR, "gpuCount": 9}).json()
    assert refused(client, "POST", "/queue/bar/turn?gpus=9") == (409, 1013)
    assert refused(client, "POST", "/queue/bar/turn?gpus=0")[0] == 422
    assert refused(client, "POST", "/queue/b-r/turn?gpus=1")[0] == 400
    with served.client("small") as small, served.client("look") as look, served.client("other") as other:
        assert refused(small, "POST", "/queue/bar/turn?gpus=3") == (403, 1100)
        assert refused(look, "POST", "/queue/bar/turn?gpus=1")[0] == 403
        assert refused(other, "POST", "/queue/foo/turn?gpus=1") == (403, 1105)
        with waiting(small, "bar", 2) as lines:
            next(lines)
            with waiting(other, "bar", 2) as again:
                assert [each["code"] for each in again] == [1008]


class Recorded(set[str]):
    """Who is called, and the order in which that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def add(self, name: str) -> None:
        self.order.append(name)
        super().add(name)


def test_first_come_first_served_by_owner(served: Served) -> None:
    """48 clients of three owners want 1 to 4 of 8 GPUs."""
    clients = {who: Client(served.address, served.tokens[who]) for who in ("op", "other", "root")}
    args = argparse.Namespace(wait=True, timeout=120.0, quiet=True, json=False)
    called = served.room._world.turns._called = Recorded()
    full, failures = served.client("root"), list[BaseException]()
    send(full, "POST", "/replicaSet", {**ALL, "replicaSetName": "full"})

    def work(who: str, name: str, gpus: int) -> None:
        client = clients[who]
        try:
            body = {"imageName": IMAGE, "replicaSetName": name, "gpuCount": gpus}
            in_turn(client, name, args, lambda: client("POST", "/replicaSet", body))
            client("DELETE", f"/replicaSet/{name}")
        except BaseException as error:
            failures.append(error)

    wanted = [("op", n) for n in range(16)] + [(who, n) for n in range(16) for who in ("other", "root")]
    threads = [threading.Thread(target=work, args=(who, f"{who}{n}", 1 + n % 4)) for who, n in wanted]
    for number, thread in enumerate(threads, 1):
        thread.start()
        # So that it is known who came first.
        until(partial(lambda count: len(served.room.queue().places) == count, number))
    send(full, "DELETE", "/replicaSet/full")
    for thread in threads:
        thread.join()
    assert not failures and len(called.order) == 48
    for who in clients:
        own = [int(name.removeprefix(who)) for name in called.order if name.startswith(who)]
        assert own == list(range(16))
    # The sixteen that came before all others do not go before all others.
    assert sum(name.startswith("op") for name in called.order[:24]) <= 14
    assert served.room.queue().places == () and not served.room.resources().of("gpu")


def test_the_verb(
    client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["other"])
    send(client, "POST", "/replicaSet", ALL)
    assert main(["rs", "queue"]) == 0 and capsys.readouterr().out == "nobody waits for GPUs; 0 are free\n"
    run = ["rs", "run", IMAGE, "--name", "bar", "--gpus", "1"]
    assert main(run) == 1
    assert main([*run, "--wait", "--timeout", "0.2"]) == 1
    captured = capsys.readouterr().err
    assert "bar: waits for a GPU, 0 free; it is next" in captured
    assert "the GPUs that bar waits for were not free in time" in captured

    def free() -> None:
        until(lambda: in_queue(client) == ["bar"])
        assert main(["rs", "queue"]) == 0 and main(["rs", "cancel", "foo"]) == 1
        client.delete("/api/v1/replicaSet/foo")

    freeing = threading.Thread(target=free)
    freeing.start()
    began = time.monotonic()
    assert main([*run, "--wait"]) == 0 and time.monotonic() - began < 30
    freeing.join()
    captured = capsys.readouterr().out
    assert "bar   1     other" in captured and "bar-1 runs" in captured
    # A set that has GPUs waits for more of them in the same way.
    send(client, "POST", "/replicaSet", {**ALL, "gpuCount": 7})
    freeing = threading.Thread(target=free)
    freeing.start()
    assert main(["rs", "patch", "bar", "--gpus", "3", "--wait"]) == 0
    freeing.join()
    assert len(served.room.info("bar").version.gpus) == 3 and in_queue(client) == []
