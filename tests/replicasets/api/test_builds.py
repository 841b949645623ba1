"""Builds over HTTP: who may, what is answered, the log as it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.builds.scripted import BUILDS, FAILS, ScriptedRecipes
from workbench.replicasets.builds.queue import Builds

ROOT = "/api/v1/builds"


@pytest.fixture
def builds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Builds | None]:
    if request.node.name == "test_without_the_flag_nobody_builds":
        yield None
        return
    found = Builds(ScriptedRecipes(tmp_path, good=BUILDS, bad=FAILS), str(tmp_path / "builds"))
    yield found
    (tmp_path / "go").touch()
    found.close()


def test_without_the_flag_nobody_builds(served: Served) -> None:
    with served.client("root") as client:
        assert client.get(ROOT).json()["data"] == {"builds": [], "refusal": "this service builds no images"}
        for response in (
            client.post(ROOT, json={}),
            client.post(f"{ROOT}/questions", json={}),
        ):
            assert response.status_code == 403
            assert response.json()["hint"] == "the operator turns it on: `serve --builds`"
        assert client.get(f"{ROOT}/1").status_code == 404


def test_a_build_from_its_questions_to_its_log(served: Served, client: httpx.Client) -> None:
    (question,) = client.post(f"{ROOT}/questions", json={"answers": {}}).json()["data"]["questions"]
    assert question["answer"] == "good"
    assert question["offers"][2] == {"value": "gpu", "title": "Gpu", "reason": "needs CUDA"}
    refused = client.post(ROOT, json={"answers": {"bundle": "gpu"}})
    assert (refused.status_code, refused.json()["msg"], refused.json()["field"]) == (
        400,
        "Bundle gpu: needs CUDA",
        "bundle",
    )
    made = client.post(ROOT, json={"answers": {"bundle": "good"}}).json()["data"]
    assert (made["number"], made["owner"], made["title"]) == (1, "op", "lab-good")
    until(lambda: client.get(f"{ROOT}/1").json()["data"]["at"] == 2)
    # What is written so far comes at once, the rest when it is there.
    with client.stream("GET", f"{ROOT}/1/logs") as response:
        lines = response.iter_lines()
        assert json.loads(next(lines))["text"].startswith("[1/2] recipe lab\n")
        (served.folder / "go").touch()
        *_, last = lines
    assert {key: json.loads(last)[key] for key in ("state", "image", "reason")} == {
        "state": "done",
        "image": "lab:1",
        "reason": "",
    }
    assert client.delete(f"{ROOT}/1").status_code == 409
    assert [line["what"]["operation"] for line in served.audit() if line["status"] == 200 and line["what"]] == ["build"]


def test_another_owner_and_a_reader_see_nothing(served: Served, client: httpx.Client) -> None:
    client.post(ROOT, json={"answers": {"bundle": "bad"}})
    until(lambda: client.get(f"{ROOT}/1").json()["data"]["state"] == "failed")
    with served.client("other") as other, served.client("look") as look, served.client("root") as root:
        assert other.get(ROOT).json()["data"] == {"builds": [], "refusal": ""}
        assert look.get(ROOT).json()["data"]["refusal"] == "the token look may not build images here"
        for who in (other, look):
            assert [who.get(f"{ROOT}/1{end}").status_code for end in ("", "/logs")] == [404, 404]
        assert (other.delete(f"{ROOT}/1").status_code, look.delete(f"{ROOT}/1").status_code) == (404, 403)
        assert [each["owner"] for each in root.get(ROOT).json()["data"]["builds"]] == ["op"]
    found = client.get(ROOT).json()["data"]["builds"][0]
    assert (found["step"], found["reason"]) == ("image lab:1", "image lab:1: RUN pip install nothing: exit status 1")
