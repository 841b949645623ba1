"""Faults at every single point of every operation: a crash, a refusal, no answer; of the engine and of the store."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.fakes import IMAGE, NEWER, Disk, FakeEngine, MemoryStore, service
from tests.replicasets.truth import check
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.errors import Conflict, EngineError, ReplicaSetError
from workbench.replicasets.requests import PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets

OPERATIONS: dict[str, Callable[[ReplicaSets], object]] = {
    "run": lambda rs: rs.run(RunRequest(IMAGE, "new", gpus=2, ports=["80"], memory="64MB", cpus=1, env=["A=1"])),
    "patch up": lambda rs: rs.patch("foo", PatchRequest(gpus=3)),
    "patch down": lambda rs: rs.patch("foo", PatchRequest(gpus=0, ports=("80", "81"))),
    "patch paused": lambda rs: rs.patch("frozen", PatchRequest(gpus=2)),
    "patch stopped": lambda rs: rs.patch("off", PatchRequest(gpus=2)),
    "limit": lambda rs: rs.patch("foo", PatchRequest(memory="128MB", cpus=2)),
    "limit to none": lambda rs: rs.patch("foo", PatchRequest(memory="", cpus=0)),
    "limit again": lambda rs: rs.patch("more", PatchRequest(memory="96MB")),
    "limit back": lambda rs: rs.patch("more", PatchRequest(memory="64MB")),
    "restart limited": lambda rs: rs.restart("more"),
    "stop limited": lambda rs: rs.stop("more"),
    "delete limited": lambda rs: rs.delete("more"),
    "rollback": lambda rs: rs.rollback("foo", 1),
    "upgrade": lambda rs: rs.upgrade("foo", UpgradeRequest(NEWER, "mine")),
    "upgrade stopped": lambda rs: rs.upgrade("off", UpgradeRequest(NEWER, "mine")),
    "restart": lambda rs: rs.restart("foo"),
    "restart stopped": lambda rs: rs.restart("off"),
    "stop": lambda rs: rs.stop("foo"),
    "stop paused": lambda rs: rs.stop("frozen"),
    "pause": lambda rs: rs.pause("foo"),
    "continue": lambda rs: rs.continue_("frozen"),
    "delete": lambda rs: rs.delete("foo"),
    "prune": lambda rs: rs.prune("foo", 1),
    "commit": lambda rs: rs.commit("foo", "mine:1"),
}
# What each version has on its disk, whatever happens: `v` is what its container wrote.
DISKS: dict[str, dict[int, Disk]] = {
    "foo": {1: {"/v": "1"}, 2: {"/v": "2", "/more": "2"}, 3: {"/v": "2", "/more": "2"}},
    "frozen": {1: {"/v": "1"}, 2: {"/v": "1"}},
    "off": {1: {"/v": "1"}, 2: {"/v": "1"}},
    "more": {1: {}, 2: {}},
    "new": {1: {}},
}
PRUNED = {"prune": {"foo": {1}}}


def world(folder: Path, carries: bool) -> tuple[FakeEngine, MemoryStore, ReplicaSets]:
    """A set with two versions, a paused one and a stopped one."""
    faults = Faults()
    engine, store = FakeEngine(faults, carries=carries), MemoryStore(faults)
    rs = service(folder, engine, store)
    rs.run(RunRequest(IMAGE, "foo", gpus=1, ports=["80"], memory="64MB", cpus=1, env=["KEY=secret"]))
    engine.write("foo-1", "/v", "1")
    rs.patch("foo", PatchRequest(gpus=2))
    engine.write("foo-2", "/v", "2")
    engine.write("foo-2", "/more", "2")
    for name in ("frozen", "off"):
        rs.run(RunRequest(IMAGE, name, gpus=1, ports=["80"]))
        engine.write(f"{name}-1", "/v", "1")
    rs.pause("frozen")
    rs.stop("off")
    rs.run(RunRequest(IMAGE, "more", memory="64MB"))
    rs.patch("more", PatchRequest(memory="80MB"))
    return engine, store, rs


def disks(operation: str) -> dict[str, dict[int, Disk]]:
    found = copy.deepcopy(DISKS)
    if operation == "rollback":
        found["foo"][3] = {"/v": "1"}
    if operation.startswith("upgrade"):
        name = "off" if operation.endswith("stopped") else "foo"
        found[name][max(found[name])] |= {"/etc/release": "2"}
    return {name: {n: {"/etc/passwd": "root", **disk} for n, disk in each.items()} for name, each in found.items()}


@pytest.mark.parametrize("kind", ["crash", "error", "gone"])
@pytest.mark.parametrize(
    ("operation", "carries"),
    [(operation, True) for operation in OPERATIONS]
    + [
        (operation, False)
        for operation in ("patch up", "patch paused", "rollback", "restart stopped", "restart limited", "delete")
    ],
)
def test_a_fault_at_every_point(operation: str, carries: bool, kind: str, tmp_path: Path) -> None:
    for at in range(points(operation, carries, tmp_path)):
        engine, store, rs = world(tmp_path, carries)
        faults = engine.faults
        faults.kind, faults.at, faults.count = kind, at, 0
        with contextlib.suppress(Crash, ReplicaSetError):
            OPERATIONS[operation](rs)
        faults.at = -1
        where = f"{operation}: {kind} {faults.fired}"
        # A call that took effect was not refused: of its two points only the first can.
        assert faults.fired or kind == "error", where
        # The process is started anew, as after kill -9.
        again = service(tmp_path, engine, store)
        again.reconcile()
        check(again, engine, store, disks(operation), where, PRUNED.get(operation))
        assert again.reconcile() == [], where


def points(operation: str, carries: bool, folder: Path) -> int:
    """How many points to fail at the operation has."""
    engine, store, rs = world(folder, carries)
    engine.faults.count = 0
    OPERATIONS[operation](rs)
    found = engine.faults.count
    check(rs, engine, store, disks(operation), f"{operation}, undisturbed", PRUNED.get(operation))
    assert found >= 8
    return found


@pytest.mark.parametrize("operation", ["run", "patch up", "rollback", "stop", "delete"])
@pytest.mark.parametrize("kind", ["error", "gone"])
def test_an_engine_that_stays_away_and_comes_back(operation: str, kind: str, tmp_path: Path) -> None:
    """From one point on every call fails, the undoing too; when it is back, nothing is lost."""
    for at in range(0, 60, 3):
        engine, store, rs = world(tmp_path, True)
        faults = engine.faults
        faults.kind, faults.at, faults.count, faults.fired, faults.lasting = kind, at, 0, "", True
        try:
            OPERATIONS[operation](rs)
        except ReplicaSetError as error:
            assert error.message
        where, faults.at = f"{operation} {faults.fired}", -1
        # No restart: the same service goes on.
        rs.reconcile()
        check(rs, engine, store, disks(operation), where)


def test_a_next_version_that_ends_at_once_is_none(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    with pytest.raises(EngineError, match="new-1 ended at once with code 1"):
        rs.run(RunRequest(IMAGE, "new", gpus=1, command=["false"]))
    check(rs, engine, store, disks("run"), "after it")


def test_a_strangers_container_is_left_alone(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    for name in ("new-1", "foo-3"):
        engine.create(ContainerSpec(name, IMAGE))
        engine.start(name)
    with pytest.raises(Conflict, match="a container new-1 that is not ours"):
        rs.run(RunRequest(IMAGE, "new", gpus=1))
    with pytest.raises(Conflict, match="a container foo-3 that is not ours"):
        rs.patch("foo", PatchRequest(gpus=1))
    assert {engine.standing.pop(name).state for name in ("new-1", "foo-3")} == {"running"}
    check(rs, engine, store, disks("run"), "after it")


def test_operations_on_one_set_follow_one_another(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            if number % 3 == 0:
                rs.restart("foo")
            elif number % 3 == 1:
                rs.pause("foo")
            else:
                rs.continue_("foo")
        except ReplicaSetError:
            pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [v.number for v in rs.history("foo")] == list(range(10, 0, -1))
    current = dict.fromkeys(range(2, 11), DISKS["foo"][2]) | {1: DISKS["foo"][1]}
    expected = disks("restart") | {"foo": {n: {"/etc/passwd": "root", **disk} for n, disk in current.items()}}
    check(rs, engine, store, expected, "after 24 operations")
