"""What the page lets a caller choose from, and which field of a request an error is about."""

from __future__ import annotations

from typing import Any

import httpx

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE, NEWER

FOO = {"imageName": IMAGE, "replicaSetName": "foo"}
RELEASED = "localhost/workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122"


def names(served: Served, who: str) -> list[str]:
    with served.client(who) as client:
        response = client.get("/api/v1/resources/images")
        assert response.status_code == 200
        return [each["name"] for each in response.json()["data"]["images"]]


def test_images_are_ones_own_and_everybodys(served: Served, client: httpx.Client) -> None:
    prefix = served.room.settings.prefix
    object.__setattr__(served.room.settings, "reserved", ("localhost/workbench-images",))
    served.engine.stored[RELEASED] = ("released", {}, {}, 1)
    for passing in ("unfinished:1", "preflight-1-2:1"):
        served.engine.stored[f"localhost/{prefix}-{passing}"] = (passing, {}, {}, 1)
    for who in ("op", "other"):
        with served.client(who) as owner:
            assert owner.post("/api/v1/replicaSet", json={**FOO, "replicaSetName": who}).status_code == 200
            assert owner.post(f"/api/v1/replicaSet/{who}/commit", json={"newImageName": "mine:1"}).status_code == 200
    # The record of a version, which a patch makes, is none to run.
    served.engine.carries = False
    assert client.patch("/api/v1/replicaSet/op", json={"gpuPatch": {"gpuCount": 1}}).status_code == 200
    assert len(served.engine.stored) > 6
    own = {who: f"localhost/{prefix}/{who}/mine:1" for who in ("op", "other")}
    assert names(served, "op") == sorted([IMAGE, NEWER, RELEASED, own["op"]])
    assert names(served, "other") == sorted([IMAGE, NEWER, RELEASED, own["other"]])
    assert names(served, "look") == sorted([IMAGE, NEWER, RELEASED])
    assert names(served, "root") == sorted([IMAGE, NEWER, RELEASED, *own.values()])
    found = {each["name"]: each for each in client.get("/api/v1/resources/images").json()["data"]["images"]}
    assert found[RELEASED] == {"name": RELEASED, "owner": "", "released": True}
    assert found[own["op"]] == {"name": own["op"], "owner": "op", "released": False}
    # All that is listed can be run.
    for number, name in enumerate(found):
        body = {"imageName": name, "replicaSetName": f"run{number}"}
        assert client.post("/api/v1/replicaSet", json=body).status_code == 200


FAULTS: list[tuple[str, Any, int]] = [
    ("replicaSetName", "a-b", 1003),
    ("replicaSetName", "there", 1008),
    ("imageName", "", 1001),
    ("imageName", "nowhere:1", 1004),
    ("gpuCount", -1, 1012),
    ("gpuCount", 99, 1013),
    ("gpuCount", "?", 1000),
    ("cpus", 1000, 1101),
    ("memory", "much", 1029),
    ("memory", "900TB", 1102),
    ("shmSize", "much", 1029),
    ("containerPorts", ["x"], 1004),
    ("env", ["x"], 1004),
    ("binds", [{"src": "/etc", "dest": "/data"}], 1004),
    ("binds", [{"src": "data", "dest": "data"}], 1004),
    ("binds", [{"src": "nothing", "dest": "/data"}], 1004),
    ("restart", "never", 1004),
]


def test_an_error_names_its_field(client: httpx.Client) -> None:
    client.post("/api/v1/replicaSet", json={**FOO, "replicaSetName": "there"})
    for field, value, code in FAULTS:
        error = client.post("/api/v1/replicaSet", json={**FOO, field: value}).json()
        assert (error["field"], error["code"]) == (field, code), error


def test_a_quota_and_a_patch_name_it_too(served: Served) -> None:
    with served.client("small") as small:
        error = small.post("/api/v1/replicaSet", json={**FOO, "gpuCount": 3}).json()
        assert (error["field"], error["code"]) == ("gpuCount", 1100)
        small.post("/api/v1/replicaSet", json=FOO)
        for patch, field in (
            ({"gpuPatch": {"gpuCount": 9}}, "gpuCount"),
            ({"memoryPatch": {"memory": "x"}}, "memory"),
            ({"shmPatch": {"size": "x"}}, "shmSize"),
            ({"portPatch": {"containerPorts": ["x"]}}, "containerPorts"),
        ):
            assert small.patch("/api/v1/replicaSet/foo", json=patch).json()["field"] == field
        # What is about no field has none.
        assert "field" not in small.patch("/api/v1/replicaSet/bar", json={}).json()
