"""An owner sees what is its own: what is others' is, to every request there is, as if it were not there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.api.test_owners import CHANGES
from tests.replicasets.api.test_progress import during
from tests.replicasets.api.test_terminal import refused as socket_refused
from tests.replicasets.fakes import IMAGE, MemoryStore, service
from workbench.cli import main
from workbench.replicasets.api.app import PREFIX, make_app
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.errors import NotFound
from workbench.replicasets.problems import Problem
from workbench.replicasets.reconcile import Reconciled
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Bind, Caller, Role
from workbench.verbs import serve

# Requests about a set or a volume that change nothing, and are not for the owner alone.
READS: list[tuple[str, str, object]] = [
    ("GET", "/replicaSet/foo", None),
    ("GET", "/replicaSet/foo/history", None),
    ("GET", "/replicaSet/foo/operation", None),
    ("GET", "/replicaSet/foo/wait?seconds=0.1", None),
    ("GET", "/volumes/data", None),
    ("GET", "/volumes/data/history", None),
]
# Needs a WebSocket: it is tried as one.
TERMINAL = "/replicaSet/foo/terminal"
TURN = "/queue/foo/turn?gpus=3"
# What is sent where a name is made, and has to be refused for one that another has.
MAKING: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/replicaSet", {"imageName": IMAGE, "replicaSetName": "foo"}, "there is a set foo already"),
    ("POST", "/volumes", {"name": "data"}, "there is a volume data already"),
    # Who waits may mean to make it.
    ("POST", TURN, {}, "there is a set foo already"),
]


@pytest.fixture
def leads() -> bool:
    return True


def routes(served: Served) -> set[tuple[str, str]]:
    """The methods and paths that the application knows; WEBSOCKET for a WebSocket."""
    tokens = Tokens(str(served.folder / "state"))
    app = make_app(served.room, tokens, Audit(str(served.folder / "audit.log")))
    # The document has no WebSockets. HEAD is GET's.
    ways = {(way, each.path or "") for each in iter_route_contexts(app.routes) for way in each.methods or {"WEBSOCKET"}}
    return {(way, path) for way, path in ways if way != "HEAD"}


def named(path: str) -> str:
    head, _, rest = path.partition("?")[0].removeprefix("/").partition("/")
    return "/".join([PREFIX, head, "{name}", *rest.split("/")[1:]])


def theirs(served: Served) -> None:
    """Make the set foo and the volume data of op's."""
    served.room.create_volume("data", caller=Caller("op"))
    served.room.run(RunRequest(IMAGE, "foo", gpus=2, ports=["80"], binds=[Bind("data", "/data")]), Caller("op"))


def test_a_new_route_is_tried_below(served: Served) -> None:
    known = {(method, named(path)) for method, path, _ in [*CHANGES, *READS]}
    known |= {("WEBSOCKET", named(TERMINAL)), ("GET", named(TERMINAL))}
    # Whose builds are, tests/replicasets/api/test_builds.py tries.
    known |= {
        (way, f"{PREFIX}/builds/{{number}}{rest}") for way, rest in (("GET", ""), ("GET", "/logs"), ("DELETE", ""))
    }
    assert {each for each in routes(served) if "{" in each[1]} == known


def test_what_is_others_is_as_if_it_were_not_there(served: Served) -> None:
    theirs(served)
    place = served.room.enter_queue("foo", "op", 3)
    with served.client("other") as other:
        for method, path, body in [*CHANGES, *READS]:
            if path == TURN:
                continue
            found = other.request(method, f"{PREFIX}{path}", json=body)
            none = path.replace("/foo", "/none").replace("/data", "/none")
            missing = other.request(method, f"{PREFIX}{none}", json=body)
            assert found.status_code == missing.status_code == 404, (method, path)
            was = missing.json()
            for key in ("msg", "hint"):
                was[key] = was[key].replace("none", "data" if "/data" in path else "foo")
            assert found.json() == was, (method, path)
        for method, path, body, message in MAKING:
            taken = other.request(method, f"{PREFIX}{path}", json=body)
            assert (taken.status_code, taken.json()["msg"]) == (409, message)
            assert "op" not in taken.text.replace("stop", "")
        binds = {"binds": [{"src": "data", "dest": "/data"}]}
        bound = other.post(f"{PREFIX}/replicaSet", json={"imageName": IMAGE, "replicaSetName": "b", **binds})
        assert (bound.status_code, bound.json()["msg"]) == (404, "there is no volume data")
        (seen,) = other.get(f"{PREFIX}/queue").json()["data"]["waiting"]
        assert (seen["name"], seen["owner"], seen["gpus"]) == ("another owner's set", "", 3)
    served.room.leave_queue(place)
    status, envelope = socket_refused(served, "other")
    assert (status, envelope["msg"]) == (404, "there is no set foo")
    assert socket_refused(served, "other", "none")[1]["code"] == envelope["code"]
    assert [each.name for each in served.room.sets()] == ["foo"] and served.room.info("foo").live == "running"


def test_no_list_names_what_is_others(served: Served) -> None:
    served.room.create_volume("veiledvolume", caller=Caller("op"))
    served.room.run(RunRequest(IMAGE, "veiled", gpus=2, ports=["80"]), Caller("op"))
    served.room.commit("veiled", "veiled:1", Caller("op"))
    served.room.reconciled = Reconciled("now", (), (Problem("veiled", "the disk of veiled is full"),))
    paths = [path for method, path in routes(served) if method == "GET" and "{" not in path]
    assert len(paths) > 15
    for who, sees in (("other", False), ("look", True), ("op", True)):
        with served.client(who) as client:
            texts = {path: client.get(f"{path}?seconds=0.1" * path.endswith("/events") or path).text for path in paths}
        naming = {path.removeprefix(PREFIX) for path, text in texts.items() if "veiled" in text}
        lists = {"/replicaSet", "/volumes", "/events", "/resources/gpus", "/resources/ports", "/readyz"}
        own = {"/resources/images"} if who == "op" else set()
        assert naming == (lists | own if sees else set()), who
    with served.client("other") as client:
        gpus = client.get(f"{PREFIX}/resources/gpus").json()["data"]
        assert sum(gpus["gpus"].values()) == 2 and set(gpus["holders"].values()) == {"another owner's set"}
        image = client.post(f"{PREFIX}/replicaSet", json={"imageName": "workbench/op/veiled:1", "replicaSetName": "x"})
        assert (image.status_code, image.json()["msg"]) == (404, "the engine has no image workbench/op/veiled:1")


def test_what_is_being_done_to_it_is_not_waited_for(served: Served, client: httpx.Client) -> None:
    """Nor is it settled for strangers, and a set that is being run for the first time is as hidden."""
    body = {"imageName": IMAGE, "replicaSetName": "foo"}
    for call, method, path, sent in (
        ("create", "POST", "/replicaSet", body),
        ("carry", "PATCH", "/replicaSet/foo/restart", None),
    ):
        with during(served, call, client, method, path, sent), served.client("other") as other:
            began = time.monotonic()
            for stranger in ("stop", "restart", "pause"):
                found = other.patch(f"{PREFIX}/replicaSet/foo/{stranger}")
                assert (found.status_code, found.json()["msg"]) == (404, "there is no set foo")
            assert other.delete(f"{PREFIX}/replicaSet/foo").status_code == 404
            for reading in ("operation", "wait?seconds=5"):
                assert other.get(f"{PREFIX}/replicaSet/foo/{reading}").status_code == 404
            assert time.monotonic() - began < 4
    with served.client("small") as small:
        assert small.get(f"{PREFIX}/replicaSet").json()["data"]["total"] == 0


def test_a_store_that_is_filled_again_hides_it_too(served: Served, tmp_path: Path) -> None:
    theirs(served)
    again = service(tmp_path, served.engine, MemoryStore(served.faults))
    with pytest.raises(NotFound, match="there is no set foo"):
        again.info("foo", Caller("other"))
    assert again.info("foo", Caller("op")).version.number == 1
    with pytest.raises(NotFound, match="there is no volume data"):
        again.volume("data", Caller("other"))


def test_the_service_is_started_so_by_a_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []

    def serve_(_args: object, _state: str, tokens: Tokens) -> int:
        found.append(tokens.caller("op", Role.OPERATE).may_see("another"))
        return 0

    monkeypatch.setattr(serve, "_serve", serve_)
    for flags in ([], ["--see", "own"], ["--see", "all"]):
        assert main(["serve", "--state", str(tmp_path / "state"), *flags]) == 0
    assert found == [False, False, True]


class TestShared:
    """`serve --see all`: as one team."""

    @pytest.fixture
    def sees_all(self) -> bool:
        return True

    def test_owners_see_one_another(self, served: Served) -> None:
        theirs(served)
        with served.client("other") as other:
            (row,) = other.get(f"{PREFIX}/replicaSet").json()["data"]["replicaSets"]
            assert (row["name"], row["owner"], row["mayChange"]) == ("foo", "op", False)
            for method, path, body in READS:
                assert other.request(method, f"{PREFIX}{path}", json=body).status_code == 200, path
            assert "foo" in other.get(f"{PREFIX}/resources/gpus").text
            assert other.patch(f"{PREFIX}/replicaSet/foo/stop").status_code == 403

    def test_a_stream_has_what_is_others(self, served: Served) -> None:
        from tests.replicasets.api.test_lists import stream

        with stream(served, "other") as events:
            theirs(served)
            until(lambda: {"set", "volume"} <= {kind for kind, _ in events})
