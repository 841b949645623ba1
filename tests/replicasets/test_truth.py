"""What became of a set's container is what is shown of it: died, killed, frozen or removed past the service."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.clocks import Clock, on_clock
from tests.replicasets.fakes import IMAGE, FakeEngine, MemoryStore, service
from tests.replicasets.test_crashes import disks, world
from tests.replicasets.truth import check
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, Exhausted, NotFound, ReplicaSetError
from workbench.replicasets.observe import LONGEST_DELAY, WELL_SECONDS
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Ending, ReplicaSet, State


def shown(rs: ReplicaSets, name: str) -> tuple[State, Ending | None]:
    found = next(each for each in rs.sets() if each.name == name)
    return found.state, found.ending


def test_what_died_is_shown_so_with_its_code_and_last_lines_and_its_gpus_are_free(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    engine.end("foo-2", 137, "step 1", "step 2")
    assert rs.observe("foo-2") == ["foo ended with code 137 (SIGKILL)"]
    state, ending = shown(rs, "foo")
    assert ending is not None and (state, ending.code, ending.reason) == (State.EXITED, 137, "SIGKILL")
    assert rs.last_lines("foo") == ["step 1", "step 2"]
    assert [each for each in rs.resources().of("gpu").values() if each.set == "foo"] == []
    check(rs, engine, store, disks("stop"), "after it died")
    assert rs.observe() == [] and rs.reconcile() == []


def test_gpus_of_the_dead_are_claimed_again_at_a_restart_or_that_is_refused(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.end("foo-2", 1)
    rs.observe()
    free = 8 - len(rs.resources().of("gpu"))
    rs.run(RunRequest(IMAGE, "new", gpus=free))
    with pytest.raises(Exhausted, match="2 GPUs were requested, and 0 of 8 are available") as error:
        rs.restart("foo")
    assert (error.value.code, shown(rs, "foo")[0]) == (Code.GPUS_TOO_FEW, State.EXITED)
    rs.delete("new")
    assert len(rs.restart("foo").gpus) == 2
    assert shown(rs, "foo") == (State.RUNNING, None)
    assert rs.last_lines("foo") == []


def test_what_was_removed_by_hand_is_gone_until_a_rollback(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.remove("foo-2")
    assert rs.observe() == ["foo is gone: its container was removed past the service"]
    assert shown(rs, "foo")[0] is State.GONE
    assert [each for each in rs.resources().of("gpu").values() if each.set == "foo"] == []
    for operation in (rs.stop, rs.pause, rs.continue_):
        with pytest.raises(Conflict, match="foo has no container any more"):
            operation("foo")
    with pytest.raises(NotFound, match="no longer exists in the engine"):
        rs.restart("foo")
    rs.rollback("foo", 1)
    assert shown(rs, "foo") == (State.RUNNING, None)


def test_another_container_of_its_name_is_not_it(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.standing["foo-2"].spec = type(engine.standing["foo-2"].spec)("foo-2", IMAGE)
    assert rs.observe() == ["foo is gone: its container was removed past the service"]


def test_what_was_frozen_and_thawed_by_hand(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    engine.pause("foo-2")
    engine.unpause("frozen-1")
    assert rs.observe() == ["foo was paused past the service", "frozen was started or continued past the service"]
    assert (shown(rs, "foo")[0], shown(rs, "frozen")[0]) == (State.PAUSED, State.RUNNING)
    rs.continue_("foo")
    rs.pause("frozen")
    check(rs, engine, store, disks("stop"), "in the end")


def test_a_paused_set_that_was_killed_has_ended(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.end("frozen-1", 137)
    assert rs.observe() == ["frozen ended with code 137 (SIGKILL)"]
    with pytest.raises(Conflict, match="frozen has ended: its GPUs are free for others"):
        rs.continue_("frozen")


def test_what_was_stopped_and_is_started_by_hand_is_a_problem(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.start("off-1")
    (line,) = rs.reconcile()
    assert line.startswith("off: its container was started by hand")
    rs.restart("off")
    assert rs.reconcile() == [] and rs.reconciled is not None and rs.reconciled.problems == ()


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("no", 1, False), ("on-failure", 0, False), ("on-failure", 1, True), ("always", 0, True), ("always", 137, True)],
)
def test_restart_policies(policy: str, code: int, again: bool, tmp_path: Path) -> None:
    engine, rs = on_clock(tmp_path, Clock())
    rs.run(RunRequest(IMAGE, "foo", gpus=1, restart=policy, memory="64MB"))
    engine.end("foo-1", code)
    rs.observe()
    assert shown(rs, "foo")[0] is (State.RESTARTING if again else State.EXITED)
    # What is to go on in a moment keeps its GPUs.
    assert len(rs.resources().of("gpu")) == again
    assert len(rs.start_again()) == again
    assert (engine.standing["foo-1"].state == "running") is again
    assert shown(rs, "foo")[0] is (State.RUNNING if again else State.EXITED)
    assert engine.standing["foo-1"].limits[1] == (64 << 20 if again else 0)


def test_a_stopped_set_is_not_started_again(tmp_path: Path) -> None:
    engine, rs = on_clock(tmp_path, Clock(), backoff_seconds=5)
    rs.run(RunRequest(IMAGE, "foo", restart="always"))
    rs.stop("foo")
    assert rs.observe() == [] and rs.start_again() == []
    rs.restart("foo")
    engine.end("foo-2", 1)
    rs.observe()
    rs.stop("foo")
    assert shown(rs, "foo") == (State.STOPPED, None) and rs.start_again() == []


def test_each_restart_waits_twice_as_long_and_a_good_run_begins_anew(tmp_path: Path) -> None:
    clock = Clock()
    engine, rs = on_clock(tmp_path, clock, backoff_seconds=1)
    rs.run(RunRequest(IMAGE, "foo", restart="always"))
    waited = []
    for _ in range(12):
        engine.end("foo-1", 1)
        rs.observe()
        seconds = 0
        while not rs.start_again():
            clock.after(1)
            seconds += 1
        waited.append(seconds)
        clock.after(2)
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[LONGEST_DELAY] * 3]
    ending = shown(rs, "foo")[1]
    assert ending is not None and ending.restarts == 12
    clock.after(WELL_SECONDS + 1)
    engine.end("foo-1", 1)
    rs.observe()
    ending = shown(rs, "foo")[1]
    assert ending is not None and ending.restarts == 1


def test_the_policy_is_changed_in_place_and_outlives_the_store(tmp_path: Path) -> None:
    engine, rs = on_clock(tmp_path, Clock())
    rs.run(RunRequest(IMAGE, "foo", gpus=1))
    assert rs.patch("foo", PatchRequest(restart="always", grace=3)).number == 1
    again = service(tmp_path, engine, MemoryStore(Faults()))
    again.reconcile()
    version = again.info("foo").version
    assert (version.restart, version.grace) == ("always", 3)


@pytest.mark.parametrize("kind", ["crash", "error", "gone"])
def test_a_fault_at_every_point_of_a_restart(kind: str, tmp_path: Path) -> None:
    def died() -> tuple[FakeEngine, MemoryStore, ReplicaSets]:
        engine, store, rs = world(tmp_path, True)
        rs.patch("foo", PatchRequest(restart="always"))
        engine.end("foo-2", 1, "oh")
        return engine, store, rs

    engine, store, rs = died()
    engine.faults.count = 0
    rs.reconcile()
    assert engine.faults.count > 10
    for at in range(engine.faults.count):
        engine, store, rs = died()
        faults = engine.faults
        faults.kind, faults.at, faults.count, faults.fired = kind, at, 0, ""
        with contextlib.suppress(Crash, ReplicaSetError):
            rs.reconcile()
        where, faults.at = f"{kind} {faults.fired}", -1
        again = service(tmp_path, engine, store)
        again.reconcile()
        assert again.reconcile() == [], where
        check(again, engine, store, disks("stop"), where)
        assert shown(again, "foo")[0] is State.RUNNING, where


# One that fails stops nobody else.


def rebooted(folder: Path) -> tuple[FakeEngine, MemoryStore, ReplicaSets]:
    from tests.replicasets.test_reboot import go_down

    engine, store, rs = world(folder, True)
    go_down(rs, engine, store)
    return engine, store, service(folder, engine, store)


def refusing(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, method: str, which: Callable[..., bool]) -> None:
    """Make a method of the engine refuse, for ever, what `which` is true of."""
    original = getattr(FakeEngine, method)

    def call(self: FakeEngine, *args: object, **kwargs: object) -> object:
        if which(*args):
            raise self.refused()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(FakeEngine, method, call)


def interrupted(engine: FakeEngine, rs: ReplicaSets, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch of foo crashes when foo-2 is frozen, and the engine never thaws that again."""
    with monkeypatch.context() as patched:
        original = FakeEngine.pause

        def pause(self: FakeEngine, name: str) -> None:
            original(self, name)
            raise Crash

        patched.setattr(FakeEngine, "pause", pause)
        with pytest.raises(Crash):
            rs.patch("foo", PatchRequest(gpus=3))
    refusing(engine, monkeypatch, "unpause", lambda name: name == "foo-2")


@pytest.mark.parametrize("listing", ["images", "volumes", "containers", "remains"])
def test_a_listing_that_fails_does_not_keep_sets_from_starting_after_a_reboot(
    listing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _, rs = rebooted(tmp_path)
    refusing(engine, monkeypatch, listing, lambda *_: True)
    messages = rs.reconcile()
    assert [line for line in messages if "started again" in line] == [
        f"{name} is started again: the machine was rebooted" for name in ("foo", "more")
    ]
    assert rs.reconciled is not None and "the fake engine refuses" in rs.reconciled.problems[0].message


def test_a_record_that_cannot_be_read_is_the_problem_of_its_set_alone(tmp_path: Path) -> None:
    engine, store, rs = rebooted(tmp_path)
    store.commit(Changes(puts={"sets/bad": "{", "journal/set/worse": json.dumps({"operation": "x"})}))
    assert [line for line in rs.reconcile() if "started again" in line] != []
    assert rs.reconciled is not None
    assert {each.set for each in rs.reconciled.problems} == {"bad", "worse"}
    # No claims were taken from a set that cannot be read.
    assert engine.standing["foo-2"].state == "running"


def test_a_label_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    engine, _, rs = rebooted(tmp_path)
    spec = engine.standing["foo-1"].spec
    strange = type(spec)("strange-1", IMAGE, labels={**spec.labels, "workbench.spec": "{"})
    engine.create(strange)
    assert [line for line in rs.reconcile() if "started again" in line] != []


def test_one_set_that_cannot_be_settled_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, store, rs = world(tmp_path, True)
    rs.reconcile()
    interrupted(engine, rs, monkeypatch)
    engine.end("more-1", 1)
    again = service(tmp_path, engine, store)
    lines = again.reconcile()
    assert "more ended with code 1" in lines
    assert [line for line in lines if line.startswith("foo: an interrupted operation cannot be settled")] != []
    assert again.reconcile() == [], "it is said once"


def test_half_made_containers_are_removed(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.half_made = ["foo-3", "stranger-1", "buildah"]
    assert rs.reconcile() == ["foo-3 was left half made and is removed"]
    assert engine.half_made == ["stranger-1", "buildah"]


def test_what_cannot_be_pruned_is_left_and_removed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, store, rs = world(tmp_path, True)
    stuck = engine.standing["foo-1"].id
    with monkeypatch.context() as patched:
        refusing(engine, patched, "remove", lambda name: name == stuck)
        with pytest.raises(ReplicaSetError):
            rs.prune("foo", 1)
        rs.reconcile()
        # The set is not locked by that.
        rs.pause("foo")
        rs.continue_("foo")
        assert rs.reconciled is not None and [each.set for each in rs.reconciled.problems] == ["foo"]
    assert "what was left of foo-1 is removed" in rs.reconcile()
    check(rs, engine, store, disks("prune"), "in the end", {"foo": {1}})


# An undo that fails for ever.


def test_a_patch_of_limits_that_the_machine_cannot_enforce_leaves_the_set_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, store, rs = world(tmp_path, True)
    refusing(engine, monkeypatch, "set_limits", lambda *_: True)
    with pytest.raises(ReplicaSetError, match="the fake engine refuses"):
        rs.patch("foo", PatchRequest(memory="100MB"))
    check(rs, engine, store, disks("stop"), "after it")
    rs.pause("foo")
    rs.continue_("foo")
    rs.rollback("foo", 1)


@pytest.mark.thorough
@pytest.mark.parametrize("end", ["stop", "delete"])
@pytest.mark.parametrize("method", ["set_limits", "unpause", "start"])
def test_what_makes_an_undo_moot_goes_ahead_without_it(
    end: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted at every point, with an engine that refuses one thing for ever: stop and delete free everything."""
    patches = {
        "limit": PatchRequest(memory="128MB"),
        "replace": PatchRequest(gpus=3, ports=("80", "81")),
    }
    for name, request in patches.items():
        for at in range(0, 60):
            engine, store, rs = world(tmp_path, True)
            faults = engine.faults
            faults.kind, faults.at, faults.count = "crash", at, 0
            with contextlib.suppress(Crash):
                rs.patch("foo", request)
            fired, faults.at = faults.fired, -1
            if not fired:
                break
            where = f"{name}: crash {fired}"
            with monkeypatch.context() as patched:
                refusing(engine, patched, method, lambda name, *_: name == "foo-2")
                again = service(tmp_path, engine, store)
                again.reconcile()
                getattr(again, end)("foo")
                assert [each for each in again.resources().of("gpu").values() if each.set == "foo"] == [], where
                assert again.reconcile() == [], where
            if end == "delete":
                assert [each for each in again.resources().claims if each.set == "foo"] == [], where
                assert [each for each in engine.standing if each.startswith("foo-")] == [], where
            else:
                check(again, engine, store, disks("stop"), where)
                again.restart("foo")


def test_the_others_say_what_goes_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, store, rs = world(tmp_path, True)
    interrupted(engine, rs, monkeypatch)
    again = service(tmp_path, engine, store)
    with pytest.raises(ReplicaSetError, match="the replace of foo was interrupted and cannot be settled") as error:
        again.rollback("foo", 1)
    assert error.value.hint == "`rs stop foo` and `rs delete foo` go ahead without it"


def test_who_may_not_stop_a_set_does_not_give_up_its_undo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.replicasets.errors import NotFound
    from workbench.replicasets.values import Caller

    engine, store, rs = world(tmp_path, True)
    interrupted(engine, rs, monkeypatch)
    again = service(tmp_path, engine, store)
    for end in (again.stop, again.delete):
        with pytest.raises(NotFound):
            end("foo", Caller("stranger"))
    assert store.list("journal/") != []


def test_a_continue_of_what_is_not_paused_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _, rs = world(tmp_path, True)
    refusing(engine, monkeypatch, "pause", lambda *_: True)
    with pytest.raises(ReplicaSetError, match="the fake engine refuses"):
        rs.pause("foo")
    with pytest.raises(Conflict, match="foo is not paused"):
        rs.continue_("foo")
    assert rs.info("foo").live == "running"


def test_what_ended_at_once_shows_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, rs = world(tmp_path, True)
    original = FakeEngine.start

    def start(self: FakeEngine, name: str) -> None:
        original(self, name)
        self.standing[name].lines = ("Traceback", "ValueError: no")

    monkeypatch.setattr(FakeEngine, "start", start)
    with pytest.raises(ReplicaSetError, match="new-1 ended at once with code 1") as error:
        rs.run(RunRequest(IMAGE, "new", command=["false"]))
    assert error.value.hint == "it wrote last:\nTraceback\nValueError: no"


def test_records_of_before_have_no_ending() -> None:
    from workbench.replicasets.codec import decode, encode

    old = '{"name":"foo","id":"1","created":"x","current":1,"state":"running","owner":""}'
    assert decode(ReplicaSet, old).ending is None
    made = ReplicaSet("foo", "1", "x", 1, State.EXITED, "", Ending("y", 3))
    assert decode(ReplicaSet, encode(made)) == made


@pytest.mark.parametrize("carries", [True, False])
@pytest.mark.parametrize("operation", ["patch", "rollback", "restart"])
def test_what_a_program_writes_at_sigterm_is_not_lost(operation: str, carries: bool, tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, carries)
    rs.patch("foo", PatchRequest(grace=5))
    engine.standing["foo-2"].parting = {"/saved": "at the end"}
    if operation == "rollback":
        rs.rollback("foo", 1)
        assert "/saved" not in engine.disk("foo-3")
        # It is on the disk of the version that was left.
        rs.rollback("foo", 2)
        assert engine.disk("foo-4")["/saved"] == "at the end"
    else:
        rs.patch("foo", PatchRequest(gpus=1)) if operation == "patch" else rs.restart("foo")
        assert engine.disk("foo-3")["/saved"] == "at the end"


def test_the_grace_of_one_operation(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    rs.patch("foo", PatchRequest(grace=5))
    engine.standing["foo-2"].parting = {"/saved": "at the end"}
    rs.restart("foo", grace=0)
    assert "/saved" not in engine.disk("foo-3")
    engine.standing["foo-3"].parting = {"/saved": "later"}
    rs.stop("foo", grace=1)
    assert engine.disk("foo-3")["/saved"] == "later"
