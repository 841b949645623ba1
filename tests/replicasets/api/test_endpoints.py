"""Every endpoint, asked as the original's clients ask, over a real connection."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller

FOO = {"imageName": IMAGE, "replicaSetName": "foo", "gpuCount": 2, "containerPorts": ["8888"], "env": ["A=1"]}
GPUS = [f"GPU-fake{n:04d}" for n in range(8)]
NEW = {**FOO, "replicaSetName": "new"}
WELL = {"code": 200, "msg": "success", "hint": ""}


def send(client: httpx.Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    response = client.request(method, f"/api/v1{path}", json=body)
    envelope = response.json()
    assert response.status_code == 200, envelope
    assert {key: envelope[key] for key in WELL} == WELL
    return envelope["data"]


def refused(client: httpx.Client, method: str, path: str, body: object = None) -> tuple[int, int]:
    """The HTTP status and the code."""
    response = client.request(method, f"/api/v1{path}", json=body)
    envelope = response.json()
    assert envelope["data"] is None and envelope["msg"]
    return response.status_code, envelope["code"]


def test_a_set_from_run_to_delete(client: httpx.Client, served: Served) -> None:
    port = {"container": 8888, "host": 20000, "protocol": "tcp"}
    assert send(client, "POST", "/replicaSet", FOO) == {"name": "foo-1", "gpus": GPUS[:2], "ports": [port]}
    (listed,) = send(client, "GET", "/replicaSet")["replicaSets"]
    assert (listed["name"], listed["version"], listed["state"], listed["owner"]) == ("foo", 1, "running", "op")
    info = send(client, "GET", "/replicaSet/foo")["Info"]
    assert info["config"]["Env"] == ["A=1", "CONTAINER_VERSION=1"]
    assert info["hostConfig"]["PortBindings"] == {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}]}
    assert (info["version"], info["containerName"], info["live"]) == (1, "foo-1", "running")
    assert send(client, "GET", "/resources/gpus")["gpus"] == {gpu: int(gpu in GPUS[:2]) for gpu in GPUS}
    ports = {"StartPort": 20000, "EndPort": 20009, "AvailableCount": 9, "UsedPortSet": {"20000": {}}}
    assert send(client, "GET", "/resources/ports") == {"ports": ports, "holders": {"20000": "foo"}}

    assert send(client, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 3}}) == {"containerName": "foo-2"}
    assert send(client, "PATCH", "/replicaSet/foo", {"gpuPatch": None}) == {"containerName": "foo-3"}
    assert send(client, "PATCH", "/replicaSet/foo/rollback", {"version": 1}) == {"containerName": "foo-4"}
    history = send(client, "GET", "/replicaSet/foo/history")["history"]
    assert [(each["version"], len(each["status"]["gpus"])) for each in history] == [(4, 2), (3, 3), (2, 3), (1, 2)]
    assert {each["status"]["ports"][0]["host"] for each in history} == {20000}
    few = send(client, "GET", "/replicaSet/foo/history?limit=2&before=4")["history"]
    assert [each["version"] for each in few] == [3, 2]

    assert send(client, "PATCH", "/replicaSet/foo/pause") is None
    assert send(client, "GET", "/replicaSet/foo")["Info"]["live"] == "paused"
    assert send(client, "PATCH", "/replicaSet/foo/continue") is None
    done = send(client, "POST", "/replicaSet/foo/execute", {"cmd": ["echo", "hello"]})
    assert done == {"stdout": "hello\n", "exitCode": 0, "timedOut": False, "cut": False}
    assert send(client, "PATCH", "/replicaSet/foo/stop") is None
    assert set(send(client, "GET", "/resources/gpus")["gpus"].values()) == {0}
    assert send(client, "POST", "/replicaSet/foo/commit", {"newImageName": "mine:1"}) == {
        "imageName": "localhost/workbench/op/mine:1"
    }
    assert send(client, "PATCH", "/replicaSet/foo/restart") == {"containerName": "foo-5"}
    assert send(client, "DELETE", "/replicaSet/foo") is None
    assert refused(client, "GET", "/replicaSet/foo") == (404, 1016)
    assert served.room.resources().claims == () and served.engine.standing == {}


def test_a_patch_of_everything(client: httpx.Client, served: Served) -> None:
    for name in ("one", "two"):
        (served.folder / name).mkdir()
    one, two = ({"src": str(served.folder / name), "dest": "/data"} for name in ("one", "two"))
    send(client, "POST", "/replicaSet", {**FOO, "binds": [one], "memory": "1GB", "cpus": 1})
    assert send(client, "GET", "/resources/cpus") == {"cpus": {"total": 8, "used": 1}}
    assert send(client, "GET", "/resources/memory") == {"memory": {"total": 8 << 30, "used": 1 << 30}}
    body = {"memoryPatch": {"memory": "2GB"}, "cpuPatch": {"cpuCount": 2.5}}
    # Limits alone: the version that runs stays.
    assert send(client, "PATCH", "/replicaSet/foo", body) == {"containerName": "foo-1"}
    body = {"volumePatch": {"oldBind": one, "newBind": two}, "portPatch": {"containerPorts": ["8888", "53/udp"]}}
    assert send(client, "PATCH", "/replicaSet/foo", body) == {"containerName": "foo-2"}
    info = send(client, "GET", "/replicaSet/foo")["Info"]
    assert info["hostConfig"]["Binds"] == [f"{served.folder}/two:/data"]
    assert (info["hostConfig"]["Memory"], info["hostConfig"]["NanoCpus"]) == (2 << 30, 2_500_000_000)
    assert [(port["container"], port["host"], port["protocol"]) for port in info["ports"]] == [
        (8888, 20000, "tcp"),
        (53, 20000, "udp"),
    ]
    half = {"volumePatch": {"oldBind": one, "newBind": {"src": "", "dest": "/x"}}}
    assert refused(client, "PATCH", "/replicaSet/foo", half) == (400, 1000)


def test_volumes(client: httpx.Client) -> None:
    assert send(client, "POST", "/volumes", {"name": "bar"}) == {"name": "bar-1", "size": ""}
    (listed,) = send(client, "GET", "/volumes")["volumes"]
    assert (listed["name"], listed["version"], listed["driver"], listed["owner"]) == ("bar", 1, "plain", "op")
    info = send(client, "GET", "/volumes/bar")["Info"]
    assert (info["version"], info["opt"]) == (1, {"Driver": "plain", "DriverOpts": {}, "Name": "bar-1"})
    assert [each["version"] for each in send(client, "GET", "/volumes/bar/history")["history"]] == [1]
    assert refused(client, "POST", "/volumes", {"name": "bar"}) == (409, 1026)
    assert refused(client, "PATCH", "/volumes/bar/size", {"size": "5"}) == (400, 1029)
    assert send(client, "DELETE", "/volumes/bar") is None
    assert refused(client, "GET", "/volumes/bar") == (404, 1033)
    assert refused(client, "DELETE", "/volumes/bar") == (404, 1025)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/replicaSet", {}, (400, 1002)),
        ("POST", "/replicaSet", {**FOO, "imageName": ""}, (400, 1001)),
        ("POST", "/replicaSet", {**FOO, "replicaSetName": "a-b"}, (400, 1003)),
        ("POST", "/replicaSet", {**FOO, "replicaSetName": "../etc"}, (400, 1004)),
        ("POST", "/replicaSet", {**FOO, "gpuCount": -1}, (400, 1012)),
        ("POST", "/replicaSet", {**NEW, "gpuCount": 9}, (409, 1013)),
        ("POST", "/replicaSet", {**FOO, "gpuCount": "1"}, (422, 1000)),
        ("POST", "/replicaSet", {**FOO, "gpuCount": 10**30}, (422, 1000)),
        ("POST", "/replicaSet", {**NEW, "containerPorts": [str(n) for n in range(1, 12)]}, (409, 1014)),
        ("POST", "/replicaSet", {**FOO, "imageName": "localhost/none:1"}, (404, 1004)),
        ("POST", "/replicaSet", {**FOO, "binds": [{"src": "/etc", "dest": "/x"}]}, (400, 1004)),
        ("POST", "/replicaSet", {**FOO, "env": ["NVIDIA_VISIBLE_DEVICES=all"]}, (400, 1004)),
        ("POST", "/replicaSet", [], (422, 1000)),
        ("PATCH", "/replicaSet/foo/rollback", {"version": -1}, (400, 1020)),
        ("PATCH", "/replicaSet/foo/rollback", {"version": 1}, (400, 1022)),
        ("PATCH", "/replicaSet/foo/rollback", {"version": 7}, (404, 1021)),
        ("POST", "/replicaSet/foo/prune", {}, (400, 1106)),
        ("POST", "/replicaSet/foo/prune", {"keep": -1}, (400, 1106)),
        ("POST", "/replicaSet/none/prune", {"keep": 1}, (404, 1106)),
        ("PATCH", "/replicaSet/none/stop", None, (404, 1010)),
        ("POST", "/replicaSet/foo/commit", {"newImageName": ""}, (400, 1001)),
        ("POST", "/replicaSet/foo/execute", {"cmd": []}, (400, 1006)),
        ("GET", "/replicaSet/foo/history?limit=x", None, (422, 1000)),
        ("GET", "/nothing", None, (404, 404)),
        ("PUT", "/replicaSet", None, (405, 405)),
        ("POST", "/volumes", {"name": "/bar"}, (400, 1032)),
        ("POST", "/volumes", {"name": "b-r"}, (400, 1031)),
    ],
)
def test_refusals(
    method: str, path: str, body: object, expected: tuple[int, int], client: httpx.Client, served: Served
) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    assert refused(client, method, path, body) == expected
    assert [each.name for each in served.room.sets()] == ["foo"]


def test_what_is_no_json_and_what_is_too_much(client: httpx.Client) -> None:
    texts = {
        "{": (422, 1000),
        "[" * 100_000: (400, 1000),
        "1" * 9000: (400, 1000),
        '{"imageName": "\\ud800", "replicaSetName": "a"}': (400, 1004),
        '{"imageName": "a", "replicaSetName": "a", "cpus": NaN}': (400, 1004),
        '{"imageName": "a", "replicaSetName": "a", "cpus": 1e999}': (400, 1004),
        '{"imageName": "a", "replicaSetName": "\\ud800"}': (400, 1004),
    }
    for text, expected in texts.items():
        response = client.post("/api/v1/replicaSet", content=text)
        assert (response.status_code, response.json()["code"]) == expected, text[:80]
    response = client.post("/api/v1/replicaSet", content=b" " * (1 << 21))
    assert (response.status_code, response.json()["code"]) == (413, 413)
    response = client.post("/api/v1/replicaSet", content=(b" " * 65536 for _ in range(40)))
    assert (response.status_code, response.json()["code"]) == (413, 413)


def test_execute_streams(client: httpx.Client) -> None:
    send(client, "POST", "/replicaSet", FOO)
    with client.stream("POST", "/api/v1/replicaSet/foo/execute?stream=true", json={"cmd": ["x"]}) as response:
        assert response.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in response.iter_lines()]
    assert lines == [{"stream": 1, "text": "hello\n"}, {"exitCode": 0, "timedOut": False, "cut": False}]


@dataclass
class Silent:
    """A program that says one thing and then nothing, until it is ended."""

    ended: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        yield 1, b"here\n"
        self.ended.wait(30)

    def exit_code(self) -> int:
        return 137

    def kill(self) -> None:
        self.ended.set()

    def close(self) -> None:
        pass


def test_a_program_ends_when_its_client_goes(client: httpx.Client, served: Served) -> None:
    send(client, "POST", "/replicaSet", FOO)
    program = Silent()
    served.engine.execute = lambda name, command, workdir: program  # type: ignore[method-assign]
    with client.stream("POST", "/api/v1/replicaSet/foo/execute?stream=true", json={"cmd": ["x"]}) as response:
        assert json.loads(next(response.iter_lines())) == {"stream": 1, "text": "here\n"}
    assert program.ended.wait(60), "it runs on for nobody"
    deadline = time.monotonic() + 60
    while served.audit()[-1]["what"]["operation"] != "execute":
        assert time.monotonic() < deadline, "who goes leaves no line in the log"
        time.sleep(0.02)


def test_fifty_clients_get_eight_gpus_once_each(served: Served) -> None:
    def claim(number: int) -> tuple[int, int, tuple[str, ...]]:
        with served.client() as client:
            body = {"imageName": IMAGE, "replicaSetName": f"s{number}", "gpuCount": 1}
            response = client.post("/api/v1/replicaSet", json=body)
        envelope = response.json()
        return response.status_code, envelope["code"], tuple((envelope["data"] or {}).get("gpus", ()))

    with ThreadPoolExecutor(50) as pool:
        answers = sorted(pool.map(claim, range(50)))
    assert answers == [(200, 200, (gpu,)) for gpu in GPUS] + [(409, 1013, ())] * 42
    assert len(served.room.sets()) == len(served.engine.standing) == 8


@pytest.mark.parametrize(("kind", "expected"), [("error", (502, 1018)), ("gone", (503, 1018))])
def test_an_engine_that_fails_is_no_bug(
    kind: str, expected: tuple[int, int], client: httpx.Client, served: Served
) -> None:
    served.room.run(RunRequest(IMAGE, "foo", gpus=1), Caller("op"))
    pause = served.engine.pause

    def broken(name: str) -> None:
        raise served.engine.refused() if kind == "error" else served.engine.gone()

    served.engine.pause = broken  # type: ignore[method-assign]
    assert refused(client, "PATCH", "/replicaSet/foo/pause") == expected
    served.engine.pause = pause  # type: ignore[method-assign]
    assert send(client, "PATCH", "/replicaSet/foo/pause") is None


def test_health_metrics_page_and_document(client: httpx.Client, served: Served, tmp_path: Path) -> None:
    send(client, "POST", "/replicaSet", FOO)
    assert client.get("/ping").json() == {"message": "pong"}
    assert client.get("/readyz").json()["code"] == 200
    text = client.get("/metrics").text.splitlines()
    assert 'workbench_sets{state="running"} 1' in text
    assert {"workbench_gpus 8", "workbench_gpus_used 2", "workbench_ports_used 1", "workbench_volumes 0"} <= set(text)
    assert 'workbench_http_requests_total{method="POST",status="200"} 1' in text
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert sum(len(methods) for methods in paths.values()) == 53
    (tmp_path / "cdi" / "fake.test-gpu.json").write_text("{")
    assert client.get("/healthz").status_code == 200
    until(lambda: client.get("/readyz").status_code == 503)
