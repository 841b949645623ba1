"""Fifty clients and five hundred operations at once, in every store: nothing twice, nobody waits for ever, in order."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.replicasets import truth
from tests.replicasets.api.conftest import Served
from tests.replicasets.conftest import Etcd
from tests.replicasets.fakes import IMAGE, Disk
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import Caller

pytestmark = pytest.mark.thorough

CLIENTS = 50
NAMES = [f"s{n}" for n in range(12)]
WAYS = ["run", "run", "patch", "patch", "patch", "rollback", "restart", "stop", "pause", "continue", "delete", "info"]


@dataclass(frozen=True)
class Result:
    """What a client asked and was told: the set's id and version, if its answer names one."""

    began: float
    ended: float
    status: int
    container: str
    gpus: int | None


@pytest.fixture(params=["sqlite", "etcd"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    if request.param == "sqlite":
        store = open_store(str(tmp_path / "store.db"), "test")
    else:
        etcd: Etcd = request.getfixturevalue("etcd")
        store = open_store(etcd.address, f"t{uuid.uuid4().hex}")
    yield store
    store.close()


def work(served: Served, number: int, names: list[str], ways: list[str], each: int) -> list[Result]:
    """One client's operations, one after another."""
    chance, results = random.Random(number), []
    with served.client() as client:
        for _ in range(each):
            name, way, gpus = chance.choice(names), chance.choice(ways), chance.randrange(4)
            path, began, counted = f"/api/v1/replicaSet/{name}", time.monotonic(), None
            if way == "run":
                body = {
                    "imageName": IMAGE,
                    "replicaSetName": name,
                    "gpuCount": gpus,
                    "containerPorts": ["80"] * (gpus > 1),
                }
                response = client.post("/api/v1/replicaSet", json=body)
            elif way == "patch":
                response, counted = client.patch(path, json={"gpuPatch": {"gpuCount": gpus}}), gpus
            elif way == "rollback":
                response = client.patch(f"{path}/rollback", json={"version": chance.randrange(1, 4)})
            elif way in ("info", "delete"):
                response = client.request("GET" if way == "info" else "DELETE", path)
            else:
                response = client.patch(f"{path}/{way}")
            envelope = response.json()
            container = (envelope["data"] or {}).get("containerName", "") if way != "info" else ""
            results.append(Result(began, time.monotonic(), response.status_code, container, counted))
    return results


def all_at_once(served: Served, names: list[str], ways: list[str], each: int) -> list[Result]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = list(pool.map(lambda number: work(served, number, names, ways, each), range(CLIENTS)))
    results = [one for client in done for one in client]
    assert len(results) == CLIENTS * each
    assert {one.status for one in results} <= {200, 400, 404, 409}, sorted({one.status for one in results})
    return results


def begin(served: Served) -> dict[str, dict[int, Disk]]:
    """What every version there is must have on its disk: nobody wrote anything."""
    disk = {"/etc/passwd": "root"}
    return {each.name: dict.fromkeys(range(1, each.current + 1), disk) for each in served.room.sets()}


def test_five_hundred_operations_mixed(served: Served, kept: StateStore) -> None:
    results = all_at_once(served, NAMES, WAYS, 10)
    assert sum(each.status == 200 for each in results) > 100
    # The engine of these tests refuses two living containers on one GPU or port.
    truth.check(served.room, served.engine, kept, begin(served), "after 500 operations")


def test_answers_are_in_the_order_of_their_effect(served: Served, kept: StateStore) -> None:
    """All work on two sets: each version was made by one request, and later ones by later requests."""
    for name in ("one", "two"):
        served.room.run(RunRequest(IMAGE, name, gpus=1), Caller("op"))
    results = all_at_once(served, ["one", "two"], ["patch", "patch", "restart", "info"], 4)
    for name in ("one", "two"):
        made = {int(t.container.partition("-")[2]): t for t in results if t.container.startswith(f"{name}-")}
        versions = {version.number: version for version in served.room.history(name)}
        assert sorted(made) == sorted(versions)[1:]
        assert len(made) == sum(t.container.startswith(f"{name}-") for t in results)
        for number, each in made.items():
            assert each.gpus is None or len(versions[number].gpus) == each.gpus
            assert all(each.ended >= later.began or number < after for after, later in made.items())
    truth.check(served.room, served.engine, kept, begin(served), "after all of them")
