"""What a token made is its own: others may look at it at most, an administrator changes it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_access import OWNERS
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.fakes import IMAGE, service
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.codec import decode
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Bind, Caller, Quota, ReplicaSet, Role, Version, Volume

DATA = {"src": "data", "dest": "/data"}
CHANGES: list[tuple[str, str, object]] = [
    ("PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 1}}),
    ("PATCH", "/replicaSet/foo", {"memoryPatch": {"memory": "1GB"}}),
    ("PATCH", "/replicaSet/foo/rollback", {"version": 1}),
    ("PATCH", "/replicaSet/foo/upgrade", {"dryRun": True}),
    ("GET", "/replicaSet/foo/newer", None),
    ("PATCH", "/replicaSet/foo/restart", None),
    ("PATCH", "/replicaSet/foo/pause", None),
    ("PATCH", "/replicaSet/foo/continue", None),
    ("POST", "/replicaSet/foo/commit", {"newImageName": "mine:1"}),
    ("POST", "/replicaSet/foo/execute", {"cmd": ["id"]}),
    ("POST", "/replicaSet/foo/execute?stream=true", {"cmd": ["id"]}),
    ("GET", "/replicaSet/foo/logs", None),
    ("GET", "/replicaSet/foo/address", None),
    ("GET", "/replicaSet/foo/compare?from=1&to=2", None),
    ("GET", "/replicaSet/foo/stat?path=/etc", None),
    ("GET", "/replicaSet/foo/archive?path=/etc", None),
    ("POST", "/replicaSet/foo/archive?path=/etc", None),
    ("GET", "/replicaSet/foo/logs?follow=true", None),
    ("POST", "/replicaSet/foo/prune", {"keep": 1, "dryRun": True}),
    ("POST", "/replicaSet/foo/session", None),
    ("PATCH", "/replicaSet/foo/stop", None),
    ("DELETE", "/replicaSet/foo", None),
    ("DELETE", "/volumes/data", None),
    ("PATCH", "/volumes/data/size", {"size": "8MB"}),
    ("POST", "/queue/foo/turn?gpus=3", None),
    ("DELETE", "/queue/foo", None),
]


@pytest.fixture(params=[True])
def sees_all(request: pytest.FixtureRequest) -> bool:
    """They see what they may not change here; test_seeing.py has the rest."""
    return bool(request.param)


@pytest.fixture
def leads() -> bool:
    return True


def test_another_token_changes_nothing_of_it(served: Served, client: httpx.Client) -> None:
    send(client, "POST", "/volumes", {"name": "data"})
    send(client, "POST", "/replicaSet", {**FOO, "binds": [DATA]})
    before = send(client, "GET", "/replicaSet/foo")
    with served.client("other") as other:
        place = served.room.enter_queue("foo", "op", 3)
        for method, path, body in CHANGES:
            assert refused(other, method, path, body) == (403, 1105), (method, path)
        served.room.leave_queue(place)
        envelope = other.delete("/api/v1/replicaSet/foo").json()
        assert (envelope["msg"], envelope["hint"]) == (
            "the set foo belongs to op",
            "ask op, or use a token with the role admin",
        )
        # Another's volume is not to be had by binding it either.
        send(other, "POST", "/replicaSet", {**FOO, "replicaSetName": "spy"})
        assert refused(other, "POST", "/replicaSet", {**FOO, "replicaSetName": "b", "binds": [DATA]}) == (403, 1105)
    assert send(client, "GET", "/replicaSet/foo") == before
    refusals = [line for line in served.audit() if line["code"] == 1105]
    assert len(refusals) == len(CHANGES) + 2 and {line["who"] for line in refusals} == {"other"}


def test_there_is_no_other_way_to_change_it(client: httpx.Client) -> None:
    """A new endpoint has to be added above."""
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    ways = {(way.upper(), path) for path in paths for way in paths[path] if way != "get" and "{name}" in path}
    ways |= {("GET", path) for path in paths if path.endswith(OWNERS) and "{name}" in path}
    tried = {(method, path.partition("?")[0]) for method, path, _ in CHANGES}
    named = {
        (method, f"/api/v1{path}".replace("/foo", "/{name}").replace("/data", "/{name}")) for method, path in tried
    }
    assert ways == named


def test_an_administrator_changes_it_and_it_stays_its_owners(served: Served, client: httpx.Client) -> None:
    send(client, "POST", "/volumes", {"name": "data"})
    send(client, "POST", "/replicaSet", {**FOO, "binds": [DATA]})
    with served.client("root") as root:
        send(root, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 1}})
        assert send(root, "GET", "/replicaSet/foo")["Info"]["owner"] == "op"
        send(root, "PATCH", "/replicaSet/foo/stop")
    send(client, "PATCH", "/replicaSet/foo/restart")
    with served.client("root") as root:
        send(root, "DELETE", "/replicaSet/foo")
        send(root, "DELETE", "/volumes/data")


def test_all_see_it_without_its_secrets(served: Served, client: httpx.Client) -> None:
    send(client, "POST", "/replicaSet", {**FOO, "env": ["PASSWORD=geheim"], "cmd": ["serve", "geheim"]})
    for who, whole in (("op", True), ("root", True), ("other", False), ("look", False)):
        with served.client(who) as asking:
            assert [each["mayChange"] for each in send(asking, "GET", "/replicaSet")["replicaSets"]] == [whole]
            found = [
                send(asking, "GET", "/replicaSet/foo")["Info"],
                send(asking, "GET", "/replicaSet/foo/history")["history"][0]["status"],
            ]
        env = "PASSWORD=geheim" if whole else "PASSWORD=***"
        for each in found:
            assert each["config"]["Env"] == [env, "CONTAINER_VERSION=1"]
            assert each["config"]["Cmd"] == (["serve", "geheim"] if whole else [])


def test_a_volume_of_the_same_name_is_not_had_by_going_back(served: Served, client: httpx.Client) -> None:
    (served.folder / "one").mkdir()
    plain = {"src": str(served.folder / "one"), "dest": "/data"}
    served.engine.carries = False  # so that version 1 leaves no container that binds the volume
    send(client, "POST", "/volumes", {"name": "data"})
    send(client, "POST", "/replicaSet", {**FOO, "binds": [DATA]})
    send(client, "PATCH", "/replicaSet/foo", {"volumePatch": {"oldBind": DATA, "newBind": plain}})
    send(client, "DELETE", "/volumes/data")
    with served.client("other") as other:
        send(other, "POST", "/volumes", {"name": "data"})
    assert refused(client, "PATCH", "/replicaSet/foo/rollback", {"version": 1}) == (403, 1105)
    back = {"volumePatch": {"oldBind": plain, "newBind": DATA}}
    assert refused(client, "PATCH", "/replicaSet/foo", back) == (403, 1105)


def test_owners_are_read_from_the_engine_again(served: Served, tmp_path: Path) -> None:
    from tests.replicasets.fakes import MemoryStore

    served.room.create_volume("data", caller=Caller("anna"))
    served.room.run(RunRequest(IMAGE, "foo", binds=[Bind("data", "/data")]), Caller("anna"))
    served.room.restart("foo", Caller("boss", Role.ADMIN))
    again = service(tmp_path, served.engine, MemoryStore(served.faults))
    again.reconcile()
    assert [each.owner for each in again.sets()] == ["anna"]
    assert {each.owner for each in again.history("foo")} == {"anna"}
    assert [each.owner for each in again.volumes()] == ["anna"]


def test_records_of_before_there_were_owners(served: Served, client: httpx.Client) -> None:
    """They are read, they run on, and an administrator sees to them."""
    old = {"name": "foo", "id": "x", "created": "now", "current": 1}
    assert decode(ReplicaSet, json.dumps(old)).owner == ""
    assert decode(Volume, json.dumps({**old, "driver": "plain", "size": 0, "version": 1})).owner == ""
    version = {"set": "foo", "id": "x", "number": 1, "created": "now", "image": IMAGE}
    assert decode(Version, json.dumps(version)).owner == ""
    assert decode(Quota, '{"sets":1,"gpus":null,"memory":null}') == Quota(sets=1)
    served.room.run(RunRequest(IMAGE, "foo"))
    assert refused(client, "PATCH", "/replicaSet/foo/stop") == (403, 1105)
    assert client.patch("/api/v1/replicaSet/foo/stop").json()["msg"] == "the set foo has no owner"
    with served.client("root") as root:
        send(root, "PATCH", "/replicaSet/foo/stop")


@pytest.mark.parametrize("existing", ["admin", "operate"])
def test_an_older_service_gets_its_administrator(existing: str, tmp_path: Path) -> None:
    tokens = Tokens(str(tmp_path))
    plain = tokens.add("anna", Role(existing))
    made = tokens.begin()
    assert made == ([] if existing == "admin" else [str(tmp_path / "admin.token")])
    assert tokens.begin() == []
    assert tokens.find(plain) is not None
    if made:
        found = tokens.find((tmp_path / "admin.token").read_text().strip())
        assert found is not None and (found.name, found.role) == ("first.admin", Role.ADMIN)
