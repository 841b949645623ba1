"""Lists: pages, ETags and a stream of changes that together never show what is not so."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.catalogues import REPOSITORY
from tests.chance import chance
from tests.replicasets.api.conftest import Served, until
from tests.replicasets.api.test_attacks import begin
from tests.replicasets.api.test_progress import during
from tests.replicasets.api.test_tls import serving
from tests.replicasets.conftest import Etcd
from tests.replicasets.fakes import IMAGE, MemoryStore
from workbench.replicasets.api import events as stream_of_changes
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.errors import StoreError
from workbench.replicasets.records import put_set, put_version
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.values import Caller, ReplicaSet, Version, Volume

MADE = "2026-11-22T00:00:00+00:00"
Events = list[tuple[str, dict[str, Any]]]


@pytest.fixture(params=["memory", "sqlite", "etcd"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, faults: Any) -> Iterator[StateStore]:  # noqa: ANN401
    if request.param == "memory":
        yield MemoryStore(faults)
        return
    address = str(tmp_path / "store.db")
    if request.param == "etcd":
        etcd: Etcd = request.getfixturevalue("etcd")
        address = etcd.address
    store = open_store(address, f"t{uuid.uuid4().hex}")
    yield store
    store.close()


def fill(store: StateStore, count: int, owner: str = "op") -> None:
    """Put so many sets into the store, past the service."""
    for at in range(0, count, 50):
        changes = Changes()
        for number in range(at, min(at + 50, count)):
            name = f"set{number:04}"
            changes |= put_set(ReplicaSet(name, f"id{number}", MADE, 1, owner=owner))
            changes |= put_version(Version(name, f"id{number}", 1, MADE, IMAGE, owner=owner))
        assert store.commit(changes)


def lists(client: httpx.Client, **query: object) -> dict[str, Any]:
    response = client.get("/api/v1/replicaSet", params={key: str(value) for key, value in query.items()})
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert isinstance(data, dict)
    return data


def names(data: dict[str, Any]) -> list[str]:
    return [each["name"] for each in data["replicaSets"]]


def test_pages_are_the_list(client: httpx.Client, kept: StateStore) -> None:
    fill(kept, 123)
    whole = lists(client)
    assert (len(whole["replicaSets"]), whole["continue"], whole["total"]) == (123, "", 123)
    for limit in (1, 50, 122, 123, 1000):
        found: list[Any] = []
        after = ""
        while True:
            page = lists(client, limit=limit, **({"continue": after} if after else {}))
            assert len(page["replicaSets"]) <= limit and page["total"] == 123
            found += page["replicaSets"]
            after = page["continue"]
            if not after:
                break
            if limit == 1 and len(found) == 5:
                found = whole["replicaSets"]
                break
        assert found == whole["replicaSets"], limit
    # What was deleted between two pages leaves no gap, and what does not exist is a place all the same.
    assert names(lists(client, limit=2, **{"continue": "set0041x"})) == ["set0042", "set0043"]
    assert lists(client, limit=2, **{"continue": "zzz"}) | {"publish": ""} == {
        **{"replicaSets": [], "continue": "", "total": 123, "publish": ""}
    }
    for query in ("limit=-1", "limit=x", f"continue={'x' * 300}"):
        assert client.get(f"/api/v1/replicaSet?{query}").status_code == 422


def test_nothing_is_sent_twice(client: httpx.Client, served: Served, kept: StateStore) -> None:
    def get(tag: str = "", path: str = "/replicaSet", who: httpx.Client = client) -> tuple[int, str, bytes]:
        response = who.get(f"/api/v1{path}", headers={"If-None-Match": tag} if tag else {})
        return response.status_code, response.headers.get("etag", ""), response.content

    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    status, first, content = get()
    assert (status, json.loads(content)["data"]["total"]) == (200, 1)
    for tag in (first, f"W/{first}", f'"x", {first}', "*"):
        assert get(tag) == (304, first, b"")
    assert get('"x"')[0] == 200 and get(first, "/replicaSet?limit=1")[0] == 304, "the same bytes"
    # Another caller sees other things, and each change is another ETag.
    with served.client("other") as other, served.client("root") as root:
        assert json.loads(get(who=other)[2])["data"] | {"publish": ""} == {
            **{"replicaSets": [], "continue": "", "total": 0, "publish": ""}
        }
        assert json.loads(get(who=root)[2])["data"]["replicaSets"][0]["mayChange"] is True
        assert get(first, who=other)[0] == 200
    tags = [first]
    for change in (
        lambda: served.room.pause("foo"),
        lambda: served.room.continue_("foo"),
        lambda: served.room.restart("foo"),
        lambda: served.room.run(RunRequest(IMAGE, "bar"), Caller("op")),
        lambda: served.room.delete("foo"),
    ):
        change()
        status, tag, _ = get(tags[-1])
        assert status == 200 and get(tag)[0] == 304
        tags.append(tag)
    assert tags[0] == tags[2], "it is as it was" and len(set(tags)) == 5
    volumes = get(path="/volumes")[1]
    assert get(volumes, "/volumes")[0] == 304
    served.room.create_volume("data", caller=Caller("op"))
    status, _, content = get(volumes, "/volumes?limit=1")
    assert (status, json.loads(content)["data"]["volumes"][0]["name"]) == (200, "data")
    assert get(tags[-1])[0] == 304, "volumes are another list"


def test_what_is_being_done_is_in_it_at_once(client: httpx.Client, served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    assert lists(client)["replicaSets"][0]["operation"] == ""
    with during(served, "pause", client, "PATCH", "/replicaSet/foo/pause"), served.client() as other:
        assert lists(other)["replicaSets"][0]["operation"].startswith("pause 1/")
    assert lists(client)["replicaSets"][0]["operation"] == ""


def test_another_process_writes_too_and_half_a_record_hides_no_other(client: httpx.Client, kept: StateStore) -> None:
    fill(kept, 3)
    until(lambda: names(lists(client)) == ["set0000", "set0001", "set0002"])
    assert kept.commit(Changes(puts={"sets/set0001": '{"name": "set0001"'}))
    until(lambda: names(lists(client)) == ["set0000", "set0002"])


@contextmanager
def stream(served: Served, who: str = "op", **query: str) -> Iterator[Events]:
    """Follow changes in a thread; what came is in the list, the end of the stream as an event `end`."""
    found: Events = []
    sender = begin(served.address, served.tokens[who], "GET", f"/api/v1/events?{urlencode(query)}")
    sender.settimeout(None)

    def follow() -> None:
        kind = ""
        # What is between the lines is HTTP's: the sizes of pieces, and each piece holds whole events.
        with sender.makefile("rb") as file:
            assert int(file.readline().split()[1]) == 200
            for line in file:
                if line.startswith(b"event: "):
                    kind = line.removeprefix(b"event: ").decode().strip()
                elif line.startswith(b"data: "):
                    found.append((kind, json.loads(line.removeprefix(b"data: "))))
        found.append(("end", {}))

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        until(lambda: ("sync", {}) in found)
        yield found
    finally:
        with sender:
            try:
                sender.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # its other end was first
            thread.join(60)
        assert not thread.is_alive()


def replayed(events: Events) -> dict[str, dict[str, Any]]:
    """What a client that heard these events believes."""
    known: dict[str, dict[str, Any]] = {}
    for kind, data in events:
        if kind == "set":
            known[data["name"]] = data
        elif kind == "set-deleted":
            del known[data["name"]]
    return known


def test_a_stream_begins_with_all_and_goes_on_with_what_changes(served: Served, client: httpx.Client) -> None:
    served.room.run(RunRequest(IMAGE, "foo", gpus=1), Caller("op"))
    served.room.create_volume("data", caller=Caller("op"))
    with stream(served) as events, stream(served, "look") as others, stream(served, "other") as strangers:
        assert [kind for kind, _ in events] == ["set", "volume", "sync"]
        assert events[0][1] == lists(client)["replicaSets"][0] and events[0][1]["mayChange"]
        assert not others[0][1]["mayChange"]
        served.room.restart("foo")
        until(lambda: events[-1][0] == "set" and (events[-1][1]["version"], events[-1][1]["operation"]) == (2, ""))
        served.room.delete_volume("data")
        until(lambda: ("volume-deleted", {"name": "data"}) in events)
        served.room.delete("foo")
        until(lambda: ("set-deleted", {"name": "foo"}) in events and ("set-deleted", {"name": "foo"}) in others)
        assert replayed(events) == {}
        assert strangers == [("sync", {})]


def agrees(events: Events, expected: dict[str, dict[str, Any]]) -> bool:
    return {name: each | {"mayChange": None} for name, each in replayed(events).items()} == expected


@pytest.mark.thorough
def test_whoever_follows_ends_up_with_the_truth(served: Served, client: httpx.Client) -> None:
    """Fifty follow while eight change what they like: each has in the end what the list has."""
    random_ = chance()
    rooms = [random.Random(random_.random()) for _ in range(8)]

    def work(own: random.Random) -> None:
        with served.client("root") as changing, served.client() as owner:
            for _ in range(15):
                name = f"s{own.randrange(6)}"
                way = own.choice(["run", "stop", "restart", "delete", "pause", "continue"])
                if way == "run":
                    owner.post("/api/v1/replicaSet", json={"imageName": IMAGE, "replicaSetName": name})
                elif way == "delete":
                    changing.delete(f"/api/v1/replicaSet/{name}")
                else:
                    changing.patch(f"/api/v1/replicaSet/{name}/{way}")

    followed = []
    who = ["op", "other", "root", "look", "small"] * 10
    opened = [stream(served, each) for each in who]
    try:
        for each in opened:
            followed.append((each, each.__enter__()))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, rooms))
        expected = {each["name"]: each | {"mayChange": None} for each in lists(client)["replicaSets"]}
        for name, (_, events) in zip(who, followed, strict=True):
            until(partial(agrees, events, {} if name in ("other", "small") else expected))
    finally:
        for each, _ in followed:
            each.__exit__(None, None, None)


def test_a_stream_ends_with_its_token_its_time_and_its_store(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_of_changes, "QUIET_SECONDS", 0.1)
    with stream(served, seconds="0.2") as timed:
        until(lambda: timed[-1][0] == "end")
    with stream(served, "look") as events, stream(served) as others:
        Tokens(str(served.folder / "state")).revoke("look")
        until(lambda: events[-1][0] == "end")
        assert others[-1][0] != "end"

        def away() -> str:
            raise StoreError("the store is away")

        with monkeypatch.context() as patched, served.client() as client:
            patched.setattr(served.room.listings.store, "revision", away)
            until(lambda: others[-1][0] == "end")
            assert client.get("/api/v1/events?seconds=1").status_code == 503
        with stream(served):
            pass


@pytest.mark.thorough
def test_a_service_that_ends_does_not_wait_for_streams(tmp_path: Path) -> None:
    with serving(tmp_path) as address:
        token = (tmp_path / "state/operate.token").read_text().strip()
        sender = begin(address, token, "GET", "/api/v1/events")
        assert sender.recv(1 << 16).startswith(b"HTTP/1.1 200")
    with sender, sender.makefile("rb") as file:
        assert file.read().endswith(b"0\r\n\r\n"), "it was cut off"


@pytest.mark.thorough
def test_streams_are_few_for_one_token_and_none_of_anothers(served: Served) -> None:
    opened = [stream(served) for _ in range(32)]
    try:
        for each in opened:
            each.__enter__()
        with served.client() as client, served.client("other") as other:
            full = client.get("/api/v1/events?seconds=1")
            assert (full.status_code, full.headers["retry-after"]) == (429, "5")
            assert client.get("/api/v1/replicaSet").status_code == 200
            assert other.get("/api/v1/events?seconds=0.1").status_code == 200
    finally:
        for each in opened:
            each.__exit__(None, None, None)


@pytest.mark.thorough
def test_a_thousand_sets_are_read_once(served: Served, kept: StateStore, client: httpx.Client) -> None:
    """However many clients look: what is in the store is read when it changed, and what changed is decoded."""
    fill(kept, 1000)
    until(lambda: lists(client, limit=1)["total"] == 1000)
    reads, decoded = [0], [0]
    inner = served.room.listings.store
    original = inner.list

    def counted(prefix: str, **how: str) -> list[Any]:
        reads[0] += 1
        return original(prefix, **how)

    inner.list = counted  # type: ignore[method-assign]
    read = served.room.listings._sets._read

    def decoding(text: str) -> ReplicaSet:
        decoded[0] += 1
        return read(text)

    served.room.listings._sets._read = decoding
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda _: len(lists(client)["replicaSets"]), range(200)))
    assert done == [1000] * 200 and reads[0] == 0
    served.room.create_volume("data")
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    assert lists(client)["total"] == 1001
    assert decoded[0] < 20


def test_volumes_of_a_store_of_another_process(client: httpx.Client, kept: StateStore) -> None:
    from workbench.replicasets.records import put_volume

    assert kept.commit(put_volume(Volume("data", "id", "plain", 0, 1, MADE, "op")))
    until(lambda: client.get("/api/v1/volumes").json()["data"]["total"] == 1)


@pytest.mark.thorough
def test_rs_list_watch_shows_what_changes(served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    env = {**os.environ, "WORKBENCH_ADDRESS": served.address, "WORKBENCH_TOKEN": served.tokens["op"]}
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "rs", "list", "--watch", "--json"]
    watching = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    try:
        first = [json.loads(watching.stdout.readline()) for _ in range(2)]
        assert [(each["event"], each.get("name")) for each in first] == [("set", "foo"), ("sync", None)]
        served.room.delete("foo")
        found = {"event": ""}
        while found["event"] != "set-deleted":
            found = json.loads(watching.stdout.readline())
        assert found["name"] == "foo"
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 130
        watching.stdout.close()
