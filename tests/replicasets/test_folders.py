"""Folders of the host that sets bind, on real podman: they stay those that were asked for."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY, need_root
from tests.replicasets.attackers import swapping
from tests.replicasets.conftest import Podman
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.errors import Conflict, Invalid
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


@pytest.mark.thorough
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


@pytest.mark.thorough
@pytest.mark.parametrize("seconds", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_a_set_that_swaps_a_folder_for_a_link_never_gets_what_the_link_leads_to(
    seconds: int, rs: ReplicaSets, podman: Podman, tmp_path: Path
) -> None:
    """The attack: whole runs on podman, and at least a thousand folders attached between them."""
    need_root("what a normal user binds is attached by a process each time, far fewer than a thousand a minute")
    own, theirs = tmp_path / "shared/own", tmp_path / "theirs"
    own.mkdir(parents=True)
    theirs.mkdir()
    (own / "whose").write_text("own")
    (theirs / "whose").write_text("theirs")
    link = tmp_path / "shared/link"
    link.symlink_to(theirs)
    engine = PodmanEngine(podman.address, mounts=str(tmp_path / "mounts"))
    found: dict[str, int] = {}
    end, tries = time.monotonic() + seconds, 0
    with swapping(own, link):
        while time.monotonic() < end or tries < 1000:
            for _ in range(50):
                tries += 1
                source = engine.attach_folder("attacked", str(tmp_path / "shared"), str(own))
                whose = Path(source, "whose").read_text() if source else "refused"
                found[whose] = found.get(whose, 0) + 1
                engine.detach_folder("attacked")
            try:
                rs.run(RunRequest(TINY, "foo", binds=[Bind(str(own), "/own")], command=("sleep", "1000")))
            except (Conflict, Invalid):
                continue  # the link was there
            seen = rs.execute("foo", ExecuteRequest(["cat", "/own/whose"])).stdout
            assert seen == "own"
            rs.delete("foo")
    print(f"{tries} tries: {found}")
    assert found.keys() == {"own", "refused"}
    assert min(found.values()) > 20, found


@pytest.mark.thorough
def test_they_stay_the_same_folders_while_their_set_lives_and_are_let_go_after_it(
    rs: ReplicaSets, podman: Podman, tmp_path: Path
) -> None:
    need_root("a normal user's folders are mounted in the namespace of podman, where this test does not look")
    own = tmp_path / "shared/own"
    own.mkdir(parents=True)
    rs.run(RunRequest(TINY, "foo", binds=[Bind(str(own), "/own")], command=("sleep", "1000")))
    own.rename(tmp_path / "shared/old")
    own.mkdir()
    # The machine's reboot, or whoever starts the container by hand, finds the folder that the set was given.
    podman.engine("restart", "--time", "0", "foo-1")
    rs.execute("foo", ExecuteRequest(["touch", "/own/file"]))
    assert os.listdir(tmp_path / "shared/old") == ["file"]
    assert os.listdir(own) == []
    (mounted,) = os.listdir(tmp_path / "mounts")
    rs.restart("foo")
    rs.execute("foo", ExecuteRequest(["touch", "/own/new"]))
    assert os.listdir(own) == ["new"]
    (mounted_again,) = os.listdir(tmp_path / "mounts")
    assert mounted_again != mounted
    rs.stop("foo")
    assert os.listdir(tmp_path / "mounts") == []
    rs.restart("foo")
    rs.delete("foo")
    assert os.listdir(tmp_path / "mounts") == []
    assert os.listdir(own) == ["new"]


def test_reconcile_mends_what_is_mounted(rs: ReplicaSets, podman: Podman, tmp_path: Path) -> None:
    need_root("a normal user's folders are mounted in the namespace of podman, where this test does not look")
    own = tmp_path / "shared/own"
    own.mkdir(parents=True)
    (own / "file").touch()
    rs.run(RunRequest(TINY, "foo", binds=[Bind(str(own), "/own")], command=("sleep", "1000")))
    engine = PodmanEngine(podman.address, mounts=str(tmp_path / "mounts"))
    engine.attach_folder("0123-1-0", str(tmp_path / "shared"), str(own))
    assert rs.reconcile() == ["the folder 0123-1-0 was attached for a set that does not run, and is let go"]
    # What a reboot does: the container and the mount are gone.
    (name,) = engine.attached_folders()
    rs.pause("foo")
    podman.engine("unpause", "foo-1")
    podman.engine("stop", "--time", "0", "foo-1")
    engine.detach_folder(name)
    rs.continue_("foo")
    assert rs.execute("foo", ExecuteRequest(["ls", "/own"])).stdout == "file\n"
    assert engine.attached_folders() == {name}
