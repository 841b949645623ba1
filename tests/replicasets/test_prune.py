"""Old versions are removed for good, and nothing else is: whatever breaks, whoever else is at it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.conftest import Podman
from tests.replicasets.disks import contents
from tests.replicasets.fakes import IMAGE, Disk, FakeEngine, MemoryStore, service
from tests.replicasets.truth import check
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.errors import Invalid, NotFound, ReplicaSetError
from workbench.replicasets.rebuild import sets_of
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets

DISKS: dict[str, dict[int, Disk]] = {
    name: {n: {"/etc/passwd": "root", "/v": str(n)} for n in range(1, 6)} for name in ("foo", "bar")
}


def world(folder: Path, carries: bool, **more: object) -> tuple[FakeEngine, MemoryStore, ReplicaSets]:
    """Two sets of five versions; the limit of one version of foo was changed while it ran."""
    faults = Faults()
    engine, store = FakeEngine(faults, carries=carries), MemoryStore(faults)
    rs = service(folder, engine, store, **more)
    for name in ("foo", "bar"):
        rs.run(RunRequest(IMAGE, name, gpus=1, ports=["80"], memory="64MB"))
        for number in range(1, 6):
            engine.write(f"{name}-{number}", "/v", str(number))
            if (name, number) == ("foo", 2):
                rs.patch(name, PatchRequest(memory="128MB"))
            if number < 5:
                rs.restart(name)
    return engine, store, rs


def numbers(rs: ReplicaSets, name: str = "foo") -> list[int]:
    return [version.number for version in rs.history(name)]


def test_the_oldest_go_and_their_bytes_are_reported(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    result = rs.prune("foo", 2, dry_run=True)
    assert (result.versions, result.kept) == (((3, 5), (2, 5), (1, 5)), ())
    check(rs, engine, store, DISKS, "a dry run")
    assert rs.prune("foo", 2) == result
    check(rs, engine, store, DISKS, "pruned", {"foo": {1, 2, 3}})
    assert (numbers(rs), numbers(rs, "bar")) == ([5, 4], [5, 4, 3, 2, 1])
    assert [name for name in engine.places if "limits" in name] == []
    assert rs.prune("foo", 2).versions == ()
    with pytest.raises(NotFound, match="foo has no version 3"):
        rs.rollback("foo", 3)
    assert rs.rollback("foo", 4).number == 6
    assert rs.prune("foo", 1).versions == ((5, 5), (4, 5)), "what it went back to stands by itself"
    assert engine.disk("foo-6")["/v"] == "4"


def test_a_version_that_another_stands_on_is_kept(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, False)
    done = rs.prune("foo", 1)
    assert ([number for number, _ in done.versions], done.kept) == ([3, 2, 1], (4,))
    check(rs, engine, store, DISKS, "pruned", {"foo": {1, 2, 3}})
    rs.rollback("foo", 4)
    assert engine.disk("foo-6")["/v"] == "4"
    # History shows what is there, wherever the gaps are.
    rs.restart("foo")
    rs.prune("foo", 1)
    assert numbers(rs) == [7, 6]
    assert [version.number for version in rs.history("foo", limit=2, before=7)] == [6]
    assert [version.number for version in rs.history("foo", limit=1)] == [7]


@pytest.mark.parametrize("carries", [True, False])
@pytest.mark.parametrize("kind", ["crash", "error", "gone"])
def test_a_fault_at_every_point(kind: str, carries: bool, tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, carries)
    engine.faults.count = 0
    rs.prune("foo", 2)
    points = engine.faults.count
    assert points > 20
    for at in range(points):
        engine, store, rs = world(tmp_path, carries)
        faults = engine.faults
        faults.kind, faults.at, faults.count = kind, at, 0
        with contextlib.suppress(Crash, ReplicaSetError):
            rs.prune("foo", 2)
        where, faults.at = f"{kind} {faults.fired}", -1
        again = service(tmp_path, engine, store)
        again.reconcile()
        check(again, engine, store, DISKS, where, {"foo": {1, 2, 3}})
        assert again.reconcile() == [], where
        again.delete("foo")
        assert {name.partition("-")[0] for name in engine.standing} == {"bar"}, where


def test_a_service_keeps_so_many(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True, keep_versions=3)
    rs.stop("bar")
    assert rs.reconcile() == ["bar: versions 2, 1 are pruned", "foo: versions 2, 1 are pruned"]
    assert rs.reconcile() == []
    check(rs, engine, store, DISKS, "by the rule", {"foo": {1, 2}, "bar": {1, 2}})
    assert [number for number, _ in rs.prune("foo").versions] == []
    for keep in (-1, 0):
        with pytest.raises(Invalid) as error:
            service(tmp_path, engine, store).prune("foo", keep)
        assert error.value.code == Code.PRUNE


def test_what_is_being_gone_back_to_is_not_pruned(tmp_path: Path) -> None:
    """A rollback that is under way is waited for by who prunes, and passed over by the rule."""
    engine, _, rs = world(tmp_path, True, keep_versions=1)
    carrying, go_on = threading.Event(), threading.Event()
    carry = engine.carry

    def blocked(source: str, target: str) -> None:
        carrying.set()
        assert go_on.wait(30)
        carry(source, target)

    engine.carry = blocked  # type: ignore[method-assign]
    back = threading.Thread(target=rs.rollback, args=("foo", 1))
    back.start()
    assert carrying.wait(30)
    assert rs.reconcile() == ["bar: versions 4, 3, 2, 1 are pruned"]
    done: list[object] = []
    pruning = threading.Thread(target=lambda: done.append(rs.prune("foo", 1)))
    pruning.start()
    assert numbers(rs) == [5, 4, 3, 2, 1] and not done
    go_on.set()
    back.join()
    pruning.join()
    assert numbers(rs) == [6] and engine.disk("foo-6")["/v"] == "1"


def test_a_strangers_container_keeps_its_image(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, False)
    engine.create(ContainerSpec("stranger", rs.history("foo")[4].disk))
    assert [number for number, _ in rs.prune("foo", 3).versions] == [2, 1]
    assert numbers(rs) == [5, 4, 3] and "stranger" in engine.standing


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", "commit"])
def test_on_podman(carry: str, room: Callable[..., ReplicaSets], podman: Podman) -> None:
    rs, engine = room(carry=carry), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    for number in range(1, 5):
        rs.execute("foo", ExecuteRequest(["sh", "-c", f"dd if=/dev/urandom of=/n{number} bs=1M count=2 2>/dev/null"]))
        rs.restart("foo")
    before = contents(engine, "foo-5", holes=False)
    result = rs.prune("foo", 2, dry_run=True)
    assert numbers(rs) == [5, 4, 3, 2, 1]
    assert rs.prune("foo", 2) == result
    assert [number for number, _ in result.versions] == [3, 2, 1]
    if carry == "auto":
        # Each is a container with all that was written up to it: 6, 4 and 2 MB.
        assert [round(size / (1 << 20)) for _, size in result.versions] == [6, 4, 2]
        assert set(engine("ps", "--all", "--format", "{{.Names}}").split()) == {"foo-5", "foo-4"}
    else:
        # They share their layers with those that stay: nothing is free by that, and the result says so.
        assert [size >> 20 for _, size in result.versions] == [0, 0, 0]
        assert len([name for name in engine.names() if "/workbench/" in name]) == 1
    assert contents(engine, "foo-5", holes=False) == before
    rs.rollback("foo", 4)
    # A store of before, or none: what was pruned does not come back.
    assert [each.versions[0].number for each in sets_of(rs._world)] == [4]
    rs.delete("foo")
    assert not [name for name in engine.names() if "/workbench/" in name]
