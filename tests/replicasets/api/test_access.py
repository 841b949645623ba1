"""Who may do what, and what is written down about it."""

from __future__ import annotations

import socket
import stat

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.errors import WorkbenchError
from workbench.replicasets.api.serving import listen
from workbench.replicasets.api.token_texts import parse_quota
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Quota, Role

# What only a set's owner and administrators read.
OWNERS = ("/newer", "/logs", "/stat", "/archive", "/compare", "/address")


def test_all_is_closed_without_a_token_but_health_and_the_empty_page(served: Served, client: httpx.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    requests = [
        (method.upper(), path.replace("{name}", "foo").replace("{number}", "1"))
        for path in document["paths"]
        for method in document["paths"][path]
    ]
    served.room.run(RunRequest(IMAGE, "foo"))
    with served.client("") as stranger:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {served.tokens['op']}"}):
            statuses = {
                (method, path): stranger.request(method, path, headers=headers).status_code for method, path in requests
            }
            assert {key for key, status in statuses.items() if status != 401} == {
                ("GET", "/healthz"),
                ("GET", "/readyz"),
                ("GET", "/ping"),
            }
        assert stranger.get("/api/v1/openapi.json").status_code == 401
        assert stranger.post("/").status_code == 401
        assert stranger.get("/api/v1/replicaSet").headers["www-authenticate"] == "Bearer"
        # Not even what is malformed is read for a stranger.
        assert stranger.post("/api/v1/replicaSet", content="{").status_code == 401
        assert stranger.post("/api/v1/replicaSet", content=b" " * (1 << 21)).status_code == 413
    assert [each.name for each in served.room.sets()] == ["foo"]


def test_a_token_that_reads_changes_nothing(served: Served, client: httpx.Client) -> None:
    served.room.run(RunRequest(IMAGE, "foo"))
    document = client.get("/api/v1/openapi.json").json()
    with served.client("look") as reader:
        for path, methods in document["paths"].items():
            for method in methods:
                # A stream would last.
                url = path.replace("{name}", "foo").replace("{number}", "1") + "?seconds=0.1" * path.endswith("/events")
                url += "?path=/etc" * path.endswith(("/stat", "/archive"))
                url += "?from=1&to=2" * path.endswith("/compare")
                status = reader.request(method.upper(), url, json={}).status_code
                # Builds of others are not there.
                closed = method != "get" or (path.endswith(OWNERS) and "/builds/" not in path)
                assert status == 403 if closed else status in (200, 404, 426), (method, path)
    assert [each.state for each in served.room.sets()] == ["running"]


def test_quotas_are_those_of_the_owner(served: Served, client: httpx.Client) -> None:
    body = {"imageName": IMAGE, "replicaSetName": "a", "gpuCount": 2}
    with served.client("small") as small:
        response = small.post("/api/v1/replicaSet", json={**body, "gpuCount": 3})
        assert (response.status_code, response.json()["code"]) == (403, 1100)
        assert small.post("/api/v1/replicaSet", json=body).status_code == 200
        assert small.post("/api/v1/replicaSet", json={**body, "replicaSetName": "b"}).json()["code"] == 1100
        # Whoever patches it: it is the owner's GPUs that it holds.
        for who in (small, served.client("root")):
            response = who.patch("/api/v1/replicaSet/a", json={"gpuPatch": {"gpuCount": 3}})
            assert (response.status_code, response.json()["code"]) == (403, 1100)
    assert client.post("/api/v1/replicaSet", json={**body, "replicaSetName": "b", "gpuCount": 3}).status_code == 200


def test_the_log_records_who_did_what_and_no_secret(served: Served, client: httpx.Client) -> None:
    body = {"imageName": IMAGE, "replicaSetName": "a", "env": ["PASSWORD=geheim"], "cmd": ["sleep", "geheim"]}
    client.post("/api/v1/replicaSet", json=body)
    client.get("/api/v1/replicaSet")
    client.patch("/api/v1/replicaSet/none/stop")
    with served.client("look") as reader:
        reader.delete("/api/v1/replicaSet/a")
    with served.client("") as stranger:
        stranger.delete("/api/v1/replicaSet/a")
    lines = served.audit()
    assert [(line["who"], line["method"], line["status"], line["code"]) for line in lines] == [
        ("op", "POST", 200, 200),
        ("op", "PATCH", 404, 1010),
        ("look", "DELETE", 403, 403),
        ("", "DELETE", 401, 401),
    ]
    assert lines[0]["what"] == {"operation": "run", "set": "a", "image": IMAGE, "gpus": 0}
    text = (served.folder / "audit.log").read_text()
    assert "geheim" not in text and not any(plain in text for plain in served.tokens.values())
    assert stat.S_IMODE((served.folder / "audit.log").stat().st_mode) == 0o600


def test_tokens_are_kept_as_hashes_and_count_when_added(served: Served) -> None:
    state = served.folder / "state"
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()} == {
        "tokens.json": 0o600,
        "tokens.json.lock": 0o600,
        "operate.token": 0o600,
        "read.token": 0o600,
        "admin.token": 0o600,
    }
    kept = (state / "tokens.json").read_text()
    assert not any(plain in kept for plain in served.tokens.values())
    tokens = Tokens(str(state))
    assert tokens.begin() == []
    served.tokens["new"] = tokens.add("new", Role.READ)
    with served.client("new") as client:
        assert client.get("/api/v1/replicaSet").status_code == 200
    served.tokens["first"] = (state / "operate.token").read_text().strip()
    with served.client("first") as client:
        assert client.patch("/api/v1/replicaSet/none/stop").status_code == 404
    with pytest.raises(WorkbenchError, match="there is a token new already"):
        tokens.add("new", Role.READ)
    (state / "tokens.json").write_text("{")
    with served.client("op") as client:
        assert client.get("/api/v1/replicaSet").status_code == 503


def test_quota_texts() -> None:
    assert parse_quota("sets=3,memory=16GB") == Quota(sets=3, memory=16 << 30)
    assert parse_quota("volumes=2,disk=1TB") == Quota(volumes=2, disk=1 << 40)
    for text in ("x=1", "sets=-1", "sets", "gpus=1,,memory=x"):
        with pytest.raises(WorkbenchError):
            parse_quota(text)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio turns Nagle off for connections of sockets that are named as TCP, and for no others."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert (listening.proto, connection.proto) == (socket.IPPROTO_TCP, socket.IPPROTO_TCP)


def test_a_taken_port_is_reported_b14() -> None:
    taken = listen("127.0.0.1", 0)
    with taken, pytest.raises(WorkbenchError, match=r"cannot listen on 127\.0\.0\.1"):
        listen("127.0.0.1", taken.getsockname()[1])
