"""The queue of builds, with real child processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.replicasets.api.conftest import until
from tests.replicasets.builds.scripted import BUILDS, FAILS, STUBBORN, ScriptedRecipes
from workbench.replicasets.builds import process
from workbench.replicasets.builds.queue import MOST_KEPT, MOST_OPEN, Builds, BuildState
from workbench.replicasets.errors import Conflict, Exhausted, Forbidden, Invalid, NotFound
from workbench.replicasets.values import Caller, Role

ANN, BOB, CY, ROOT, LOOK = (
    Caller("ann"),
    Caller("bob"),
    Caller("cy"),
    Caller("root", Role.ADMIN),
    Caller("look", Role.READ),
)
Making = Callable[..., Builds]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Making]:
    """Make a queue whose scripts are given; all builds end with the test."""
    made: list[Builds] = []

    def making(role: Role = Role.OPERATE, **scripts: str) -> Builds:
        made.append(Builds(ScriptedRecipes(tmp_path, **scripts), str(tmp_path / "builds"), role))
        return made[-1]

    yield making
    (tmp_path / "go").touch()
    for each in made:
        each.close()


def state(builds: Builds, number: int) -> BuildState:
    return builds.build(number, ROOT).state


def test_one_of_an_owner_runs_and_the_others_wait_in_order(make: Making, tmp_path: Path) -> None:
    builds = make(good=BUILDS)
    first, second, third, fourth = (builds.start({}, each).number for each in (ANN, ANN, BOB, CY))
    until(lambda: builds.build(first, ANN).at == 2)
    # Two side by side, of two owners: ann's second one waits for her first, and cy for a place.
    assert [state(builds, each) for each in (first, second, third, fourth)] == [
        "running",
        "queued",
        "running",
        "queued",
    ]
    assert [builds.build(each, ROOT).ahead for each in (second, fourth)] == [1, 3]
    assert builds.build(first, ANN).step == "image lab:1"
    (tmp_path / "go").touch()
    until(lambda: state(builds, second) == state(builds, fourth) == "done")
    found = builds.build(second, ANN)
    assert (found.image, found.reason, found.ahead) == ("lab:1", "", 0)
    assert found.made <= found.began <= found.ended
    log = b"".join(piece for _, piece in builds.log(first, ANN))
    assert log == b"[1/2] recipe lab\n[2/2] image lab:1\nSTEP 1: FROM base\n"


def test_owners_see_their_own_and_administrators_all(make: Making) -> None:
    builds = make(good=BUILDS)
    builds.start({}, ANN)
    builds.start({}, BOB)
    assert [[each.owner for each in builds.builds(who)] for who in (ANN, BOB, CY, LOOK)] == [["ann"], ["bob"], [], []]
    assert [each.owner for each in builds.builds(ROOT)] == ["bob", "ann"]
    for act in (builds.build, builds.log, builds.cancel):
        for who in (BOB, LOOK):
            with pytest.raises(NotFound, match="there is no build 1"):
                act(1, who)
    builds.cancel(1, ROOT)
    until(lambda: state(builds, 1) == "cancelled")


def test_who_may_build_is_the_operators_decision(make: Making) -> None:
    builds = make(role=Role.ADMIN, good=BUILDS)
    for who in (ANN, LOOK):
        with pytest.raises(Forbidden, match="may not build images"):
            builds.start({}, who)
        with pytest.raises(Forbidden):
            builds.questions({}, who)
    assert builds.refusal(ROOT) == ""
    assert builds.start({}, ROOT).number == 1


def test_a_failure_names_the_step_and_the_reason(make: Making) -> None:
    builds = make(bad=FAILS, silent="exit 3", none="true", gone="exec /nowhere/at/all 2>/dev/null")
    reasons = {}
    for name in ("bad", "silent", "none"):
        number = builds.start({"bundle": name}, ANN).number
        until(lambda number=number: builds.build(number, ANN).is_over)  # type: ignore[misc]
        reasons[name] = (str(state(builds, number)), builds.build(number, ANN).reason)
    assert reasons == {
        "bad": ("failed", "image lab:1: RUN pip install nothing: exit status 1"),
        "silent": ("failed", "it wrote nothing"),
        "none": ("failed", "the build named no image"),
    }
    with pytest.raises(Invalid, match="needs CUDA"):
        builds.start({"bundle": "gpu"}, ANN)


def test_a_cancelled_one_ends_with_all_that_it_started(
    make: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    builds = make(stubborn=STUBBORN, good=BUILDS)
    number, waiting = builds.start({}, ANN).number, builds.start({"bundle": "good"}, ANN).number
    child = tmp_path / "grandchild"
    until(lambda: child.exists() and child.read_text().strip() != "")
    assert builds.cancel(waiting, ANN).state == "cancelled"
    builds.cancel(number, ANN)
    until(lambda: state(builds, number) == "cancelled")
    until(lambda: not is_alive(int(child.read_text())))
    with pytest.raises(Conflict, match="is over"):
        builds.cancel(number, ANN)
    assert builds.build(number, ANN).reason == ""


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_bounds(make: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_LOG", 1000)
    builds = make(
        good=BUILDS, long="head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo '[1/1] end' >&2; echo lab:1"
    )
    for _ in range(MOST_OPEN):
        builds.start({}, ANN)
    with pytest.raises(Exhausted, match="5 builds of ann wait or run already"):
        builds.start({}, ANN)
    (tmp_path / "go").touch()
    until(lambda: all(each.is_over for each in builds.builds(ANN)))
    for _ in range(MOST_KEPT - MOST_OPEN + 1):
        number = builds.start({"bundle": "long"}, ANN).number
        until(lambda number=number: builds.build(number, ANN).is_over)  # type: ignore[misc]
    assert len(builds.builds(ANN)) == MOST_KEPT == len(os.listdir(tmp_path / "builds"))
    found = builds.build(number, ANN)
    assert (str(found.state), found.step) == ("done", "end")
    log = b"".join(piece for _, piece in builds.log(number, ANN))
    assert len(log) < 100_000
    assert log.endswith(b"[the rest of the log is not kept]\n")


def test_what_an_earlier_service_left_is_removed_and_the_end_ends_all(make: Making, tmp_path: Path) -> None:
    (tmp_path / "builds" / "7").mkdir(parents=True)
    builds = make(good=BUILDS)
    builds.start({}, ANN)
    builds.start({}, ANN)
    assert sorted(os.listdir(tmp_path / "builds")) == ["1", "2"]
    builds.close()
    assert [str(each.state) for each in builds.builds(ANN)] == ["cancelled", "cancelled"]
    with pytest.raises(Conflict, match="the service ends"):
        builds.start({}, ANN)
