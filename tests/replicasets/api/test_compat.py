"""gpu-docker-api's own documented requests, byte for byte as `curl -d` sends them, against `serve --compat`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.api.compat import Compat

PAGES = "https://pages.example"
# As it runs without a token, for whoever is on the machine.
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def compat() -> Compat:
    return Compat(words=True, is_open=True, origins=(PAGES,))


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client("") as client:
        yield client


def send(client: httpx.Client, method: str, path: str, body: object = None) -> tuple[int, str, Any]:
    """What their clients see: every answer has HTTP status 200, and is an envelope."""
    content = json.dumps(body, indent=2).encode() if body is not None else None
    response = client.request(method, f"/api/v1{path}", content=content, headers={"Content-Type": FORM})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    return found["code"], found["msg"], found["data"]


def well(client: httpx.Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    code, message, data = send(client, method, path, body)
    assert (code, message) == (200, "Success"), message
    return data


def test_their_documented_requests(client: httpx.Client, served: Served) -> None:
    """The requests of its api/gpu-docker-api-en.md (v1.0.0), with a folder and an image that exist here."""
    served.engine.stored["docker.io/nvidia/cuda:10.0-base"] = served.engine.stored[IMAGE]
    served.engine.stored["nvidia/cuda:10.0-base"] = served.engine.stored[IMAGE]
    folder = served.folder / "ctr-knock"
    folder.mkdir()
    assert client.get("/ping").json() == {"message": "pong"}
    for name in ("veil", "other"):
        assert well(client, "POST", "/volumes", {"name": name, "size": ""})["name"] == f"{name}-1"
    body = {
        "imageName": "nvidia/cuda:10.0-base",
        "replicaSetName": "foo",
        "gpuCount": 3,
        "binds": [{"src": "veil-0", "dest": "/root/veil-0"}, {"src": str(folder), "dest": "/root/data/ctr-knock"}],
        "env": ["USER=foo"],
        "containerPorts": ["22", "443"],
    }
    assert well(client, "POST", "/replicaSet", body)["name"] == "foo-1"
    data = well(client, "GET", "/replicaSet/foo")
    assert data["info"] == data["Info"]
    info = data["info"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", info["createTime"])
    assert info["hostConfig"]["Binds"] == ["veil-0:/root/veil-0", f"{folder}:/root/data/ctr-knock"]
    assert info["config"]["Env"] == ["USER=foo", "CONTAINER_VERSION=1"]
    assert (info["version"], info["containerName"]) == (1, "foo-1")
    assert info["config"]["Image"] == "docker.io/nvidia/cuda:10.0-base", "with its registry"
    assert len(info["hostConfig"]["DeviceRequests"][0]["DeviceIDs"]) == 3
    assert sorted(info["hostConfig"]["PortBindings"]) == ["22/tcp", "443/tcp"]
    patch = {
        "gpuPatch": {"gpuCount": 1},
        "volumePatch": {
            "oldBind": {"src": "veil-0", "dest": "/root/veil-0"},
            "newBind": {"src": "other-1", "dest": "/root/veil-1"},
        },
    }
    assert well(client, "PATCH", "/replicaSet/foo", patch) == {"containerName": "foo-2"}
    info = well(client, "GET", "/replicaSet/foo")["info"]
    assert sorted(info["hostConfig"]["Binds"]) == sorted(["other-1:/root/veil-1", f"{folder}:/root/data/ctr-knock"])
    assert well(client, "PATCH", "/replicaSet/foo", {}) == {"containerName": "foo-3"}
    done = well(client, "POST", "/replicaSet/foo/execute", {"workDir": "/", "cmd": ["pwd"]})
    assert done["stdout"] == "hello\n"
    assert well(client, "POST", "/replicaSet/foo/commit", {"newImageName": "foo-v1-image"}) == {
        "imageName": "foo-v1-image"
    }
    assert [name for name in served.engine.stored if name.endswith("/foo-v1-image:latest")]
    assert well(client, "PATCH", "/replicaSet/foo/rollback", {"version": 1}) == {"containerName": "foo-4"}
    history = well(client, "GET", "/replicaSet/foo/history")["history"]
    assert [each["version"] for each in history] == [4, 3, 2, 1]

    assert all(each["createTime"] == each["status"]["createTime"] and "T" not in each["createTime"] for each in history)
    for way in ("stop", "restart", "pause", "continue"):
        data = well(client, "PATCH", f"/replicaSet/foo/{way}")
        assert data == ({"containerName": "foo-5"} if way == "restart" else None)
    assert sum(well(client, "GET", "/resources/gpus")["gpus"].values()) == 3
    assert len(well(client, "GET", "/resources/ports")["ports"]["UsedPortSet"]) == 2
    assert well(client, "DELETE", "/replicaSet/foo") is None
    info = well(client, "GET", "/volumes/veil")["info"]
    assert "T" not in info["createTime"] and info["version"] == 1
    assert well(client, "DELETE", "/volumes/veil") is None


def test_errors_have_their_codes_and_status_200(client: httpx.Client, served: Served) -> None:
    run = {"imageName": IMAGE, "replicaSetName": "foo", "gpuCount": 0}
    for method, path, body, code in (
        ("POST", "/replicaSet", {**run, "imageName": ""}, 1001),
        ("POST", "/replicaSet", {**run, "replicaSetName": ""}, 1002),
        ("POST", "/replicaSet", {**run, "replicaSetName": "a-b"}, 1003),
        ("POST", "/replicaSet", {**run, "gpuCount": -1}, 1012),
        ("POST", "/replicaSet", {**run, "gpuCount": "1"}, 1000),
        ("POST", "/replicaSet", {**run, "gpuCount": 99}, 1013),
        ("PATCH", "/replicaSet/none/stop", None, 1010),
        ("GET", "/replicaSet/none", None, 1016),
        ("DELETE", "/replicaSet/none", None, 1005),
        ("POST", "/volumes", {"name": "a-b", "size": "1GB"}, 1031),
        ("PATCH", "/volumes/none/size", {"size": "1XB"}, 1029),
    ):
        assert send(client, method, path, body)[0] == code, (method, path, body)
    assert client.post("/api/v1/replicaSet", content=b"{").status_code == 200
    assert client.get("/api/v1/nowhere").status_code == 404
    # What the service itself refuses keeps its status: a client that reads codes only is stopped by that too.
    assert client.post("/api/v1/replicaSet", content=b" " * (2 << 20)).status_code == 413
    with served.client("look") as reader:
        assert reader.delete("/api/v1/replicaSet/foo").status_code == 403
    wrong = client.get("/api/v1/replicaSet", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401, "who sends a token means it"


def test_without_a_token_one_is_local_and_an_owner_like_others(client: httpx.Client, served: Served) -> None:
    well(client, "POST", "/replicaSet", {"imageName": IMAGE, "replicaSetName": "foo"})
    with served.client("op") as other:
        assert other.get("/api/v1/replicaSet").json()["data"]["replicaSets"] == []
        assert other.patch("/api/v1/replicaSet/foo/stop").json()["msg"] == "there is no set foo"
    with served.client("root") as root:
        (row,) = root.get("/api/v1/replicaSet").json()["data"]["replicaSets"]
        assert (row["owner"], row["mayChange"]) == ("local", True)
    assert served.audit()[0]["who"] == "local"


def test_other_sites_pages_do_not_reach_it_through_a_browser(client: httpx.Client, served: Served) -> None:
    def status(**headers: str) -> int:
        return client.get("/api/v1/replicaSet", headers=headers).status_code

    port = served.address.rpartition(":")[2]
    assert status(Host=f"localhost:{port}") == status(Host=f"[::1]:{port}") == 200
    # DNS rebinding: the browser takes it for evil.example's own server.
    assert status(Host=f"evil.example:{port}") == status(Host="127.0.0.1.evil.example") == 403
    assert status(Origin="https://evil.example") == status(Origin="null") == 403
    assert status(Origin=PAGES) == status(Origin=served.address) == 200
    allowed = client.get("/api/v1/replicaSet", headers={"Origin": PAGES})
    assert allowed.headers["access-control-allow-origin"] == PAGES
    asking = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    before = client.options("/api/v1/replicaSet/foo", headers={"Origin": PAGES, **asking})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, PAGES)
    evil = client.options("/api/v1/replicaSet/foo", headers={"Origin": "https://evil.example", **asking})
    assert "access-control-allow-origin" not in evil.headers
