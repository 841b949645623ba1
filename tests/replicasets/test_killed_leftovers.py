"""What a kill leaves in the engine is removed by reconcile, and what may be another service's is left."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from tests.replicasets.call_faults import Crash
from tests.replicasets.clocks import Clock, on_clock
from tests.replicasets.fakes import MADE, FakeEngine, service
from tests.replicasets.test_crashes import world


def test_a_commit_that_was_interrupted_leaves_no_image_and_takes_no_other_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FakeEngine.commit

    def commit(self: FakeEngine, name: str, image: str, **more: object) -> str:
        original(self, name, image, **more)
        raise Crash

    for theirs in (False, True):
        engine, store, rs = world(tmp_path, True)
        with monkeypatch.context() as patched, pytest.raises(Crash):
            patched.setattr(FakeEngine, "commit", commit)
            rs.commit("foo", "mine:1")
        (name,) = (each for each in engine.stored if each.endswith("mine:1"))
        if theirs:
            engine.stored[name] = ("another", {}, {}, 1)
        service(tmp_path, engine, store).reconcile()
        assert (name in engine.stored) is theirs


def test_secrets_of_a_container_that_was_removed_by_hand_go(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    del engine.standing["foo-2"]
    assert rs.reconcile() == [
        "the variables of foo-2, which does not exist, are removed",
        "foo is gone: its container was removed past the service",
    ]
    assert set(engine.secrets) == {"foo-1"}


def test_secrets_of_sets_that_are_not_known_go_after_ten_minutes(tmp_path: Path) -> None:
    """Another service may be about to create their container."""
    clock = Clock()
    engine, rs = on_clock(tmp_path, clock)
    rs.reconcile()
    engine.secrets = {"theirs-1": MADE, "nonsense": MADE}
    assert rs.reconcile() == []
    clock.after(601)
    assert rs.reconcile() == ["the variables of theirs-1, which does not exist, are removed"]
    assert set(engine.secrets) == {"nonsense"}


def test_a_delete_takes_what_an_interrupted_patch_left_along(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.secrets["foo-3"] = MADE
    engine.half_made = ["foo-3", "foo.more-3"]
    rs.delete("foo")
    assert (engine.secrets, engine.half_made) == ({}, ["foo.more-3"])


def test_what_a_killed_preflight_left_goes_after_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _, rs = world(tmp_path, True)
    before = set(engine.standing), set(engine.stored), set(engine.bridges)
    start = engine.start

    def started(name: str) -> None:
        """Start it, and end what uses more memory than it may, so that nobody waits for that."""
        start(name)
        if "more" in engine.standing[name].spec.command:
            engine.standing[name].state, engine.standing[name].exit_code = "exited", 137

    monkeypatch.setattr(engine, "start", started)
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    points = 0
    for at in range(100):
        engine.faults.kind, engine.faults.at, engine.faults.count, engine.faults.fired = "crash", at, 0, ""
        with monkeypatch.context() as patched, contextlib.suppress(Crash):
            # Killed is killed: nothing is cleaned up after it.
            patched.setattr(engine.faults, "lasting", True)
            list(rs.preflight())
        if not engine.faults.fired:
            break
        engine.faults.at = -1
        points += 1
        assert [each for each in rs.reconcile() if "preflight" in each] == []
        monkeypatch.setattr(time, "time", lambda: 1_000_000.0 + 601)
        rs.reconcile()
        assert (set(engine.standing), set(engine.stored), set(engine.bridges)) == before, at
        monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert points > 20
