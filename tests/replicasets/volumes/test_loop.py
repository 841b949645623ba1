"""Sized volumes as ext4 images: a fault before and after every tool and every record, and the data is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import search_path
from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Failed, Invalid, NotFound, ReplicaSetError
from workbench.replicasets.records import JOURNAL
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.volumes import loop
from workbench.replicasets.volumes.driver import tool

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="not root: sized volumes cannot be made"),
    pytest.mark.skipif(shutil.which("mkfs.ext4", path=search_path()) is None, reason="mkfs.ext4 not installed"),
]
CONTENT = os.urandom(3 << 20)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Faults that the system's tools have too."""
    faults = Faults()

    def faulty(what: str, *command: str, okay: tuple[int, ...] = (0,)) -> str:
        faults.point(command[0], "before", lambda: Failed(f"cannot {what}"), lambda: Failed(f"cannot {what}"))
        output = tool(what, *command, okay=okay)
        faults.point(command[0], "after", lambda: Failed(f"cannot {what}"), lambda: Failed(f"cannot {what}"))
        return output

    monkeypatch.setattr(loop, "tool", faulty)
    return faults


def image(rs: ReplicaSets, folder: Path) -> Path:
    return folder / "volumes" / f"{rs.volume('data').id}.img"


def fill(path: Path, folder: Path) -> None:
    (folder / "content").write_bytes(CONTENT)
    script = f"write {folder}/content precious\n"
    subprocess.run(
        ["/sbin/debugfs", "-w", "-f", "-", str(path)], input=script.encode(), check=True, capture_output=True
    )


def content(path: Path) -> bytes:
    command = ["/sbin/debugfs", "-R", "cat precious", str(path)]
    assert subprocess.run(["/sbin/e2fsck", "-fn", str(path)], capture_output=True, check=False).returncode == 0
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("kind", ["crash", "error"])
@pytest.mark.parametrize("size", ["32MB", "8MB"])
def test_a_fault_at_every_point_of_a_resize(size: str, kind: str, faults: Faults, tmp_path: Path) -> None:
    at = -1
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        engine, store = FakeEngine(faults), MemoryStore(faults)
        rs = service(folder, engine, store)
        rs.create_volume("data", "16MB")
        fill(image(rs, folder), folder)
        faults.kind, faults.at, faults.count, faults.fired = kind, at, 0, ""
        with contextlib.suppress(Crash, ReplicaSetError):
            rs.resize_volume("data", size)
        faults.at = -1
        if at < 0:
            points = faults.count
        again = service(folder, engine, store)
        again.reconcile()
        where = f"{size} {kind} {faults.fired}"
        assert store.list(JOURNAL) == [], where
        volume = again.volume("data")
        path = image(again, folder)
        assert (volume.size, content(path)) == (path.stat().st_size, CONTENT), where
        assert [each.name for each in path.parent.iterdir()] == [path.name], where
        assert again.volume_history("data")[0].size == volume.size, where
        at += 1
        if at >= points:
            break
    assert points > 15


OPERATIONS: dict[str, Callable[[ReplicaSets], object]] = {
    "create": lambda rs: rs.create_volume("data", "8MB"),
    "delete": lambda rs: rs.delete_volume("old"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_crash_at_every_point_leaves_no_place_behind(operation: str, faults: Faults, tmp_path: Path) -> None:
    for at in range(100):
        folder = tmp_path / str(at)
        folder.mkdir()
        engine, store = FakeEngine(faults), MemoryStore(faults)
        rs = service(folder, engine, store)
        rs.create_volume("old", "8MB")
        faults.kind, faults.at, faults.count, faults.fired = "crash", at, 0, ""
        with contextlib.suppress(Crash):
            OPERATIONS[operation](rs)
        faults.at = -1
        again = service(folder, engine, store)
        again.reconcile()
        where = f"{operation} {faults.fired}"
        ids = {volume.id for volume in again.volumes()}
        assert {path.name.partition(".")[0] for path in (folder / "volumes").iterdir()} == ids, where
        assert set(engine.places) == {f"workbench-{volume.name}" for volume in again.volumes()}, where
        if not faults.fired:
            return
    raise AssertionError("it came to no end")


def test_what_cannot_be_meant(faults: Faults, tmp_path: Path) -> None:
    rs = service(tmp_path, FakeEngine(faults), MemoryStore(faults))
    wrong = {"": Code.VOLUME_NAME_EMPTY, "a-b": Code.VOLUME_DASH, "/a": Code.VOLUME_SLASH, "a b": Code.VOLUME_CREATE}
    for name, code in wrong.items():
        with pytest.raises(Invalid) as error:
            rs.create_volume(name)
        assert error.value.code == code
    for size in ("20", "20gib", "-1GB", "0GB", "1.5GB", "GB", "1KB"):
        with pytest.raises(Invalid):
            rs.create_volume("data", size)
    with pytest.raises(NotFound):
        rs.resize_volume("data", "8MB")
    assert rs.volumes() == []
