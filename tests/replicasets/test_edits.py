"""Edits of /etc/hosts and /etc/resolv.conf, which podman writes anew for each start, get to the next version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from tests.replicasets.conftest import Podman
from tests.replicasets.test_crashes import world
from workbench.replicasets.disks import RECORDED
from workbench.replicasets.engines.capabilities import KeepingEdits
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets

EDIT = "echo '10.9.8.7 db' >>/etc/hosts; sed 's/^nameserver.*/nameserver 10.9.8.1/' /etc/resolv.conf >/r"
EDIT += "; echo '# mine' >>/r; cat /r >/etc/resolv.conf"
# What its first program sees, and not only what comes to be.
FIRST = ("sh", "-c", "cat /etc/hosts >/seen; sleep 1000")


def inside(rs: ReplicaSets, command: str) -> str:
    done = rs.execute("foo", ExecuteRequest(["sh", "-c", command]))
    assert done.exit_code == 0, done.stdout
    return done.stdout


def own(rs: ReplicaSets) -> list[str]:
    """The lines of /etc/hosts that are about a container itself."""
    return [line for line in inside(rs, "cat /etc/hosts").splitlines() if " foo-" in line or "\tfoo-" in line]


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", pytest.param("commit", marks=pytest.mark.thorough)])
def test_they_are_kept(carry: str, room: Callable[..., ReplicaSets]) -> None:
    rs = room(carry=carry)
    rs.run(RunRequest(TINY, "foo", command=FIRST))
    untouched = inside(rs, "cat /etc/resolv.conf")
    inside(rs, EDIT)
    resolv = inside(rs, "cat /etc/resolv.conf")
    assert resolv != untouched and resolv.endswith("# mine\n")

    def kept(what: str) -> None:
        assert "10.9.8.7 db\n" in inside(rs, "cat /etc/hosts"), what
        assert "10.9.8.7 db\n" in inside(rs, "cat /seen"), what
        assert inside(rs, "cat /etc/resolv.conf") == resolv, what
        (line,) = own(rs)
        version = rs.info("foo").version
        assert line.split()[-1] == version.container and line.split()[1] == inside(rs, "hostname").strip(), what
        assert not any("edits of" in each for each in version.notes), what

    rs.patch("foo", PatchRequest(gpus=1))
    kept("a patch")
    rs.restart("foo")
    kept("and another version, in which nothing was edited")
    rs.stop("foo")
    rs.restart("foo")
    kept("a stop")
    # What is taken back is gone.
    inside(rs, "grep -v db /etc/hosts >/h; cat /h >/etc/hosts")
    rs.restart("foo")
    assert "10.9.8.7" not in inside(rs, "cat /etc/hosts")
    assert inside(rs, "cat /etc/resolv.conf") == resolv
    rs.rollback("foo", 2)
    kept("a rollback, to a version whose container is gone where disks are recorded")


@pytest.mark.thorough
def test_a_container_that_is_started_again_in_its_place_keeps_them(
    room: Callable[..., ReplicaSets], podman: Podman
) -> None:
    rs = room(backoff_seconds=0.0)
    rs.run(RunRequest(TINY, "foo", command=FIRST, restart="always"))
    inside(rs, EDIT)
    podman.engine("kill", "foo-1")
    podman.engine("wait", "foo-1")
    rs.observe()
    rs.start_again()
    assert rs.info("foo").live == "running"
    assert "10.9.8.7 db" in inside(rs, "cat /etc/hosts")
    assert len(own(rs)) == 1


@pytest.mark.thorough
def test_without_podman_s_files_it_is_noted_that_they_are_lost(
    room: Callable[..., ReplicaSets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container of the service's own, which does not see them."""
    from workbench.replicasets.engines.podman import hosts

    rs = room()
    rs.run(RunRequest(TINY, "foo", command=FIRST))
    for place in ("/nowhere/hosts", ""):
        monkeypatch.setattr(hosts, "_PLACES", {"/etc/hosts": place, "/etc/resolv.conf": place})
        assert not any("edits" in note for note in rs.restart("foo").notes)
    inside(rs, "echo '10.9.8.7 db' >>/etc/hosts")
    done = rs.restart("foo")
    note = "edits of /etc/hosts are lost: the service cannot read podman's files, or it is too large"
    assert note in done.notes
    assert note in rs.history("foo")[0].notes
    assert "10.9.8.7" not in inside(rs, "cat /etc/hosts")


@pytest.mark.thorough
def test_one_that_was_written_for_ever_is_lost_and_noted(room: Callable[..., ReplicaSets]) -> None:
    rs = room()
    rs.run(RunRequest(TINY, "foo", command=FIRST))
    inside(rs, "head -c 300000 /dev/zero | tr '\\0' '#' >>/etc/hosts")
    assert any(note.startswith("edits of /etc/hosts are lost") for note in rs.restart("foo").notes)
    assert int(inside(rs, "wc -c </etc/hosts")) < 2000


@pytest.mark.parametrize("carries", [True, False])
def test_a_version_notes_that_its_disk_went_through_an_image(carries: bool, tmp_path: Path) -> None:
    _, _, rs = world(tmp_path, carries)
    assert rs.restart("foo").notes == (() if carries else (RECORDED,))
    assert rs.history("foo")[0].notes == (() if carries else (RECORDED,))
    assert rs.run(RunRequest("localhost/tiny:1", "new")).notes == ()
    # A patch in place makes no version, and changes nothing of that.
    rs.patch("foo", PatchRequest(cpus=2))
    assert rs.info("foo").version.notes == (() if carries else (RECORDED,))


def test_what_is_recorded_of_edits_goes_with_the_version(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, False)
    engine.standing["foo-2"].edits = {"/etc/hosts": "1.2.3.4 db\n", "/etc/resolv.conf": None}
    rs.restart("foo")
    assert engine.standing["foo-3"].edits == {"/etc/hosts": "1.2.3.4 db\n"}
    assert len(store.list("edits/")) == 1
    rs.prune("foo", 1)
    rs.delete("foo")
    assert store.list("edits/") == []


def test_an_engine_that_keeps_none_starts_them_as_they_are(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.without = (KeepingEdits,)
    engine.standing["foo-2"].edits = {"/etc/hosts": "x"}
    rs.restart("foo")
    assert engine.standing["foo-3"].edits == {}
