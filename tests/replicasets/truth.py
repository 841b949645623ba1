"""What must hold between operations, whatever happened before: nothing lost, leaked, or held twice."""

from __future__ import annotations

from collections.abc import Mapping

from tests.replicasets.fakes import Disk, FakeEngine
from workbench.replicasets.amendments import recorded_options
from workbench.replicasets.codec import decode
from workbench.replicasets.rebuild import sets_of
from workbench.replicasets.records import JOURNAL
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import Claim, State

LIVE = {State.RUNNING: "running", State.PAUSED: "paused", State.STOPPED: "exited", State.EXITED: "exited"}


def check(
    rs: ReplicaSets,
    engine: FakeEngine,
    store: StateStore,
    disks: Mapping[str, Mapping[int, Disk]],
    where: str,
    pruned: Mapping[str, set[int]] | None = None,
) -> None:
    """Assert the invariants; `disks` is what each version of each set must have on its disk.

    `pruned` are the versions of sets that may be gone: all of them or none.
    """
    assert store.list(JOURNAL) == [], where
    # What could be read from the engine, were the store gone.
    labelled = {each.set.id: [(v.number, v.cpus, v.memory) for v in each.versions] for each in sets_of(rs._world)}
    recorded = {each.id: [(v.number, v.cpus, v.memory) for v in rs.history(each.name)[::-1]] for each in rs.sets()}
    assert labelled == recorded, where
    assert all(
        (id_, n) in {(i, v[0]) for i in recorded for v in recorded[i]} for id_, n in recorded_options(rs._world)
    ), where
    claims = [decode(Claim, entry.value) for key, entry in store.list("claims/") if key != "claims/ledger"]
    expected: set[tuple[str, str, str]] = set()
    names: set[str] = set()
    images: set[str] = set()
    for each in rs.sets():
        versions = rs.history(each.name)
        current = versions[0]
        assert current.number == each.current, where
        numbers = [version.number for version in versions]
        gone = set(range(1, each.current + 1)) - set(numbers)
        assert numbers == sorted(set(numbers), reverse=True), where
        assert gone in (set(), (pruned or {}).get(each.name, set())), where
        for version in versions:
            if version.disk:
                images.add(version.disk)
                assert engine.stored[version.disk][1] == disks[each.name][version.number], (where, version.container)
            else:
                names.add(version.container)
                assert engine.disk(version.container) == disks[each.name][version.number], (where, version.container)
            if version is not current and not version.disk:
                assert engine.standing[version.container].state == "exited", where
        assert engine.standing[current.container].state == LIVE[each.state], where
        if each.state.holds:
            assert engine.standing[current.container].limits == (current.cpus, current.memory), where
        assert list(current.gpus) == list(engine.standing[current.container].spec.gpus), where
        claimed = [("set", each.name)] + [("port", f"{port.host}-{port.protocol}") for port in current.ports]
        if each.state.holds:
            claimed += [("gpu", gpu) for gpu in current.gpus] + [("share", f"{each.id}-{current.number}")]
        expected |= {(kind, name, each.id) for kind, name in claimed}
    assert {(claim.kind, claim.name, claim.id) for claim in claims} == expected, where
    assert set(engine.standing) == names, where
    assert set(engine.secrets) <= names, where
    assert engine.half_made == [], where
    assert {name for name in engine.stored if "/workbench/" in name} == images, where
