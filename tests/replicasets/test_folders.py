"""Folders of the host that sets bind, on real podman: they stay those that were asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from workbench.replicasets.errors import Conflict
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind

GONE = "own of the machine is no longer the folder that foo was given"


@pytest.fixture
def bound(rs: ReplicaSets, tmp_path: Path) -> ReplicaSets:
    """A set that binds a folder and one inside of that, which it then puts a link in the place of."""
    (tmp_path / "shared" / "own").mkdir(parents=True)
    (tmp_path / "theirs").write_text("theirs\n")
    binds = [Bind(str(tmp_path / "shared"), "/shared"), Bind(str(tmp_path / "shared/own"), "/own")]
    rs.run(RunRequest(TINY, "foo", binds=binds))
    executed = rs.execute(
        "foo", ExecuteRequest(["sh", "-c", f"mv /shared/own /shared/old && ln -s {tmp_path} /shared/own && ls /own"])
    )
    assert (executed.exit_code, executed.stdout) == (0, "")
    return rs


@pytest.mark.parametrize(
    "change",
    [
        lambda rs: rs.restart("foo"),
        lambda rs: rs.patch("foo", PatchRequest(gpus=1)),
        lambda rs: rs.patch("foo", PatchRequest(ports=("80",))),
    ],
    ids=["restart", "gpus", "ports"],
)
def test_a_link_in_its_place_is_not_followed(bound: ReplicaSets, change: Callable[[ReplicaSets], object]) -> None:
    with pytest.raises(Conflict, match=GONE):
        change(bound)
    info = bound.info("foo")
    assert (info.version.number, info.live, info.version.gpus) == (1, "running", ())


def test_nor_is_it_by_a_set_that_is_stopped_or_rolled_back(bound: ReplicaSets, tmp_path: Path) -> None:
    bound.stop("foo")
    with pytest.raises(Conflict, match=GONE):
        bound.restart("foo")
    own = tmp_path / "shared" / "own"
    own.unlink()
    with pytest.raises(Conflict, match=GONE):
        bound.restart("foo")
    shutil.move(tmp_path / "shared" / "old", own)
    assert bound.restart("foo").number == 2
    shutil.move(own, tmp_path / "shared" / "old")
    own.symlink_to(tmp_path)
    with pytest.raises(Conflict, match=GONE):
        bound.rollback("foo", 1)
    assert bound.info("foo").live == "running"
    swap = (Bind(str(own), "/own"), Bind(str(tmp_path / "shared" / "old"), "/own"))
    assert bound.patch("foo", PatchRequest(binds=(swap,))).number == 3
    assert bound.execute("foo", ExecuteRequest(["ls", "/own"])).stdout == ""
