"""How many volumes a token may have, and of what size: counted past crashes, and however many ask at once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import refused, send
from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.errors import Exhausted
from workbench.replicasets.operations import volumes
from workbench.replicasets.values import Caller, Quota, Role, Volume
from workbench.replicasets.volumes import drivers

GB = 1 << 30


class Paper:
    """Keeps the sizes of volumes in mind only: what is counted here is not what is on a disk."""

    live = True
    shrinks = True

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        return {}

    def remove(self, folder: str, volume: Volume) -> None:
        pass

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        pass

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        pass

    def discard(self, folder: str, volume: Volume) -> None:
        pass

    def size(self, folder: str, volume: Volume) -> int | None:
        return None

    def in_use(self, folder: str, volume: Volume) -> bool:
        return False


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(drivers._DRIVERS, "paper", Paper())
    monkeypatch.setattr(volumes, "choose", lambda folder, size: "paper" if size else "plain")


def test_a_token_has_so_many_volumes_of_so_much(served: Served, paper: None) -> None:
    served.tokens["few"] = Tokens(str(served.folder / "state")).add("few", Role.OPERATE, Quota(volumes=3, disk=4 * GB))
    with served.client("few") as few, served.client("root") as root:
        assert refused(few, "POST", "/volumes", {"name": "a"}) == (403, 1100), "it has no size"
        assert refused(few, "POST", "/volumes", {"name": "a", "size": "5GB"}) == (403, 1100)
        send(few, "POST", "/volumes", {"name": "a", "size": "3GB"})
        said = few.post("/api/v1/volumes", json={"name": "b", "size": "2GB"}).json()
        assert (said["code"], said["msg"]) == (1100, "that would be 5GB in volumes, and you may have 4GB")
        send(few, "POST", "/volumes", {"name": "b", "size": "512MB"})
        send(few, "POST", "/volumes", {"name": "c", "size": "512MB"})
        said = few.post("/api/v1/volumes", json={"name": "d", "size": "1MB"}).json()
        assert (said["code"], said["msg"]) == (1100, "that would be 4 volumes, and you may have 3")
        # Growing counts, whoever does it; shrinking does not.
        for client in (few, root):
            assert refused(client, "PATCH", "/volumes/a/size", {"size": "4GB"}) == (403, 1100)
        send(few, "PATCH", "/volumes/a/size", {"size": "1GB"})
        send(few, "PATCH", "/volumes/b/size", {"size": "2GB"})
        used = {"sets": 0, "gpus": 0, "memory": 0, "volumes": 3, "disk": 3 * GB + (512 << 20)}
        limits = {"sets": None, "gpus": None, "memory": None, "volumes": 3, "disk": 4 * GB}
        assert send(few, "GET", "/resources/quota") == {
            "name": "few",
            "role": "operate",
            "limits": limits,
            "used": used,
        }
        send(few, "DELETE", "/volumes/a")
        send(few, "POST", "/volumes", {"name": "d", "size": "1GB"})
        send(root, "POST", "/volumes", {"name": "mine", "size": "100GB"})


def test_all_at_once_get_no_more(served: Served, paper: None) -> None:
    served.tokens["few"] = Tokens(str(served.folder / "state")).add("few", Role.OPERATE, Quota(volumes=3))

    def create(number: int) -> int:
        with served.client("few") as few:
            return few.post("/api/v1/volumes", json={"name": f"v{number}", "size": "1GB"}).status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(create, range(12))) == [200] * 3 + [403] * 9
    assert len(served.room.volumes()) == 3


@pytest.mark.parametrize("operation", ["create", "resize", "delete"])
@pytest.mark.parametrize("kind", ["crash", "error", "gone"])
def test_nothing_is_counted_twice_or_for_ever(operation: str, kind: str, paper: None, tmp_path: Path) -> None:
    anna = Caller("anna", quota_of=lambda _: Quota(volumes=2, disk=4 * GB))
    for at in range(40):
        faults = Faults()
        engine, store = FakeEngine(faults), MemoryStore(faults)
        rs = service(tmp_path, engine, store)
        rs.create_volume("a", "2GB", anna)
        faults.kind, faults.at, faults.count = kind, at, 0
        with contextlib.suppress(Crash, Exception):
            if operation == "create":
                rs.create_volume("b", "1GB", anna)
            elif operation == "resize":
                rs.resize_volume("a", "3GB", anna)
            else:
                rs.delete_volume("a")
        fired, seen, faults.at = faults.fired, faults.count, -1
        # Before it is settled, what was begun counts already; after that, what there is counts.
        sizes = {each.name: each.size for each in rs.volumes()}
        assert rs.used("anna").disk in (sum(sizes.values()), 3 * GB), fired
        again = service(tmp_path, engine, store)
        again.reconcile()
        sizes = {each.name: each.size for each in again.volumes()}
        used = again.used("anna")
        assert (used.volumes, used.disk) == (len(sizes), sum(sizes.values())), fired
        assert set(engine.places) == {f"workbench-{name}" for name in sizes}
        with pytest.raises(Exhausted):
            again.create_volume("c", "5GB", anna)
        if seen <= at:
            break
    else:
        raise AssertionError("there are more points than were tried")
