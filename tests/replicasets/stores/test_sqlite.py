"""The SQLite file deleted, broken, replaced, or its disk full: a clear error, nothing lost, and on it goes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicasets.fakes import IMAGE, FakeEngine, service
from workbench.replicasets.errors import Conflict, StoreError
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.stores.sqlite import SqliteStore
from workbench.replicasets.values import Caller


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.db"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("not root: a small disk cannot be mounted")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_nobody_else_can_read_it(path: Path) -> None:
    store = SqliteStore(str(path))
    store.get("a")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    store.close()


def test_two_processes_worth_of_connections_see_each_other(path: Path) -> None:
    one, other = SqliteStore(str(path)), SqliteStore(str(path))
    assert one.commit(Changes({"a": 0}, {"a": "1"}))
    assert not other.commit(Changes({"a": 0}, {"a": "2"}))
    one.close()
    other.close()


@pytest.mark.parametrize("damage", ["deleted", "broken", "emptied", "replaced"])
def test_the_truth_is_in_the_engine_too(damage: str, path: Path, tmp_path: Path) -> None:
    engine, store = FakeEngine(), SqliteStore(str(path))
    rs = service(tmp_path, engine, store)
    for name in ("foo", "bar", "off"):
        rs.run(RunRequest(IMAGE, name, gpus=2, ports=["80"], memory="64MB", cpus=1, env=["A=b"]), Caller("me"))
    rs.patch("foo", PatchRequest(gpus=3))
    rs.pause("bar")
    rs.stop("off")
    before = [rs.info(name) for name in ("bar", "foo", "off")], rs.history("foo"), claims(store)
    if damage == "deleted":
        path.unlink()
    elif damage == "replaced":
        path.rename(path.with_name("away"))
        path.write_bytes(b"")
    elif damage == "emptied":
        store.close()
        for rest in path.parent.iterdir():
            rest.write_bytes(b"")
    else:
        store.close()
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
        with pytest.raises(StoreError) as error:
            rs.info("foo")
        assert "it was moved to" in error.value.message and "filled from the engine's labels" in error.value.hint
        (aside,) = (each for each in path.parent.iterdir() if "broken" in each.name and each.suffix != ".db-wal")
        assert b"\xff" * 5000 in aside.read_bytes(), "never deleted"
    after = [rs.info(name) for name in ("bar", "foo", "off")], rs.history("foo"), claims(store)
    assert after == before
    assert rs.patch("foo", PatchRequest(gpus=1)).number == 3
    store.close()


def test_an_old_copy_is_put_back(path: Path, tmp_path: Path) -> None:
    engine, store = FakeEngine(), SqliteStore(str(path))
    rs = service(tmp_path, engine, store)
    rs.run(RunRequest(IMAGE, "foo", gpus=1))
    store.close()
    copy = path.read_bytes()
    rs.patch("foo", PatchRequest(gpus=3))
    engine.write("foo-2", "/v", "precious")
    rs.run(RunRequest(IMAGE, "bar", gpus=1))
    before = rs.info("foo"), rs.history("foo"), rs.info("bar"), claims(store)
    store.close()
    for rest in path.parent.iterdir():
        rest.unlink()
    path.write_bytes(copy)
    # What the copy does not know is never overwritten …
    with pytest.raises(Conflict, match="foo-2 exists already, but not in the store"):
        rs.patch("foo", PatchRequest(gpus=2))
    assert engine.disk("foo-2")["/v"] == "precious"
    # … and is taken in.
    assert len(rs.reconcile()) == 2
    assert (rs.info("foo"), rs.history("foo"), rs.info("bar"), claims(store)) == before
    assert rs.reconcile() == []
    store.close()


def claims(store: SqliteStore) -> dict[str, object]:
    """All claims but for the versions that the set's name was claimed with."""
    return {key: entry.value.replace('"versions":[2]', '"versions":[1]') for key, entry in store.list("claims/")}


def test_a_full_disk(small: Path, tmp_path: Path) -> None:
    engine, store = FakeEngine(), SqliteStore(str(small / "store.db"))
    rs = service(tmp_path, engine, store)
    rs.run(RunRequest(IMAGE, "foo", gpus=2))
    (small / "ballast").write_bytes(b"")
    with pytest.raises(OSError), (small / "ballast").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    messages = set()
    for number in range(40):
        try:
            rs.run(RunRequest(IMAGE, f"set{number}", gpus=1))
        except StoreError as error:
            messages.add(error.message)
            break
    assert messages == {"the disk of the store is full; nothing was changed"}
    assert rs.info("foo").live == "running"
    (small / "ballast").unlink()
    # Room again: what was interrupted is settled, and the GPUs that it claimed are free.
    rs.reconcile()
    running = [each.name for each in rs.sets()]
    assert sorted(engine.standing) == [f"{name}-1" for name in running]
    assert len(rs.resources().of("gpu")) == len(running) + 1
    rs.run(RunRequest(IMAGE, "bar", gpus=1))
    store.close()


def test_a_store_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SqliteStore(str(tmp_path / "file" / "store.db"))
    with pytest.raises(StoreError, match="the store cannot be used: File exists"):
        store.get("a")
