"""What every store owes, tried with all of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicasets.call_faults import Faults
from tests.replicasets.conftest import Etcd
from tests.replicasets.fakes import MemoryStore
from workbench.replicasets import claims
from workbench.replicasets.claims import Machine
from workbench.replicasets.errors import Exhausted, Invalid
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.values import Quota, Version


@pytest.fixture(params=["memory", "sqlite", "etcd"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    made: StateStore
    if request.param == "memory":
        made = MemoryStore(Faults())
    elif request.param == "sqlite":
        made = open_store(str(tmp_path / "store.db"), "test")
    else:
        etcd: Etcd = request.getfixturevalue("etcd")
        made = open_store(etcd.address, f"t{uuid.uuid4().hex}")
    yield made
    made.close()


def put(store: StateStore, **rows: str) -> None:
    assert store.commit(Changes(puts={key.replace("_", "/"): value for key, value in rows.items()}))


def rows(store: StateStore, prefix: str = "", **how: str) -> list[tuple[str, str]]:
    return [(key, entry.value) for key, entry in store.list(prefix, **how)]


def test_what_is_written_is_read(store: StateStore) -> None:
    assert store.get("a/1") is None
    assert rows(store, "a/") == []
    assert store.commit(Changes(puts={"a/1": "één\n\"'\x01", "a/2": "", "b/1": "x"}))
    entry = store.get("a/1")
    assert entry is not None and (entry.value, entry.revision > 0) == ("één\n\"'\x01", True)
    assert rows(store, "a/") == [("a/1", "één\n\"'\x01"), ("a/2", "")]


def test_many_are_read_at_once_and_the_store_has_a_revision(store: StateStore, tmp_path: Path) -> None:
    before = store.revision()
    assert store.revision() == before
    keys = [f"a/{number:04}" for number in range(1000)]
    for at in range(0, 1000, 100):
        assert store.commit(Changes(puts={key: f"{key} é" for key in keys[at : at + 100]}))
    found = store.get_many([*keys, "b", "a"])
    assert {key: entry.value for key, entry in found.items()} == {key: f"{key} é" for key in keys}
    assert all(store.get(key) == found[key] for key in keys[::300])
    assert store.get_many([]) == {}
    seen = [before, store.revision()]
    assert not store.commit(Changes({"a/0000": 0}, {"a/0000": "x"})) and store.revision() == seen[-1]
    for changes in (
        Changes(puts={"a/0000": "y"}),
        Changes(deletes=frozenset({"a/0001"})),
        Changes(drops=frozenset({"a/"})),
    ):
        assert store.commit(changes)
        seen.append(store.revision())
    assert len(set(seen)) == 5


def test_a_revision_is_another_one_after_each_write(store: StateStore) -> None:
    revisions = set()
    for _ in range(3):
        put(store, a="same")
        entry = store.get("a")
        assert entry is not None
        revisions.add(entry.revision)
    assert store.commit(Changes(deletes=frozenset({"a"})))
    put(store, a="same")
    entry = store.get("a")
    assert entry is not None and entry.revision not in revisions and len(revisions) == 3


def test_all_changes_or_none(store: StateStore) -> None:
    put(store, a="1", d_1="x", d_2="y", e="z")
    entry = store.get("a")
    assert entry is not None
    refused = Changes({"a": entry.revision, "b": 7}, {"a": "2", "c": "2"}, frozenset({"e"}), frozenset({"d/"}))
    assert not store.commit(refused)
    assert rows(store) == [("a", "1"), ("d/1", "x"), ("d/2", "y"), ("e", "z")]
    good = Changes({"a": entry.revision, "b": 0}, refused.puts, refused.deletes, refused.drops)
    assert store.commit(good)
    assert rows(store) == [("a", "2"), ("c", "2")]
    assert not store.commit(good), "the revision is another one now"


def test_absence_is_checked(store: StateStore) -> None:
    assert store.commit(Changes({"a": 0}, {"a": "1"}))
    assert not store.commit(Changes({"a": 0}, {"a": "2"}))
    assert rows(store) == [("a", "1")]


def test_a_prefix_is_no_pattern(store: StateStore) -> None:
    put(store, a_1="1", ab_1="2", b="3")
    store.commit(Changes(puts={"a%": "4", "a_": "5"}))
    assert rows(store, "a/") == [("a/1", "1")]
    assert store.commit(Changes(drops=frozenset({"a/"})))
    assert rows(store, "a") == [("a%", "4"), ("a_", "5"), ("ab/1", "2")]


def test_a_part_of_a_prefix(store: StateStore) -> None:
    assert store.commit(Changes(puts={f"v/{n:08d}": str(n) for n in range(1, 100)}))
    assert [value for _, value in rows(store, "v/", start="v/00000097")] == ["97", "98", "99"]
    assert [value for _, value in rows(store, "v/", start="v/00000048", before="v/00000050")] == ["48", "49"]
    assert [value for _, value in rows(store, "v/", before="v/00000004")] == ["1", "2", "3"]
    assert rows(store, "v/", start="v/00000005", before="v/00000005") == []


def test_more_than_one_answer_holds(store: StateStore) -> None:
    for start in range(0, 2500, 100):
        assert store.commit(Changes(puts={f"v/{n:08d}": str(n) for n in range(start, start + 100)}))
    assert [value for _, value in rows(store, "v/")] == [str(n) for n in range(2500)]
    assert store.commit(Changes(drops=frozenset({"v/"})))
    assert rows(store, "v/") == []


def test_fifty_at_once_claim_eight_gpus(store: StateStore) -> None:
    machine = Machine(tuple(f"GPU-{n}" for n in range(8)), range(40000, 40100), lambda *_: True, 8000, 1 << 33)
    won: list[str] = []
    refused: list[str] = []
    start = threading.Barrier(50)

    def client(number: int) -> None:
        version = Version(f"set{number}", f"id{number}", 1, "now", "image")
        start.wait()
        while True:
            try:
                plan, changes = claims.claim(claims.read_ledger(store), machine, version, 1, Quota())
            except Exhausted:
                return refused.append(version.set)
            if store.commit(changes):
                return won.extend(plan.gpus)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [f"GPU-{n}" for n in range(8)]
    assert len(refused) == 42
    assert sorted(claims.read_ledger(store).of("gpu")) == sorted(won)


@pytest.mark.parametrize("address", ["etcd://", "etcd://host", "etcd://a b:1", "http://x", "redis://x:1"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(Invalid):
        open_store(address, "test")
