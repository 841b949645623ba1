"""Everything that a system disk can hold gets to the next version, whichever way disks are carried."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine import TINY, Engine, need_root
from tests.replicasets.conftest import Podman, given
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError, EngineGone, Exhausted
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings

pytestmark = pytest.mark.thorough

WAYS = ("auto", "commit")
LEVELS = 1500


@dataclass(frozen=True)
class Case:
    """What is made in the root of a container, and what is to be the same of it in the next one.

    `recorded` is what is the same where the disk goes through an image of podman's, None for all of it.
    """

    make: Callable[[Path], object]
    read: Callable[[Path], object]
    recorded: Callable[[Path], object] | None = None


def status(name: str, *fields: str) -> Callable[[Path], object]:
    return lambda root: [getattr((root / name).lstat(), f"st_{field}") for field in fields]


def content(name: str) -> Callable[[Path], object]:
    return lambda root: hashlib.sha256((root / name).read_bytes()).hexdigest()


def touched(name: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        (root / name).write_text(name)
        os.utime(root / name, ns=(1, 981173106_123456789))

    return make


def sparse(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(100 << 20)
        file.seek(50 << 20)
        file.write(b"in the middle")


def allocated(root: Path) -> object:
    found = (root / "sparse").stat()
    return found.st_size, found.st_blocks * 512 < 1 << 20, content("sparse")(root)


def bound(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(root, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{here}/socket")
        finally:
            os.close(here)
    (root / "socket").chmod(0o640)


def linked(root: Path) -> None:
    (root / "one").write_text("linked")
    (root / "folder").mkdir()
    for name in ("two", "folder/three"):
        os.link(root / "one", root / name)
    os.symlink("nowhere", root / "dangling")
    os.link(root / "dangling", root / "folder/dangling", follow_symlinks=False)


def same_inodes(root: Path) -> object:
    files = {(root / name).lstat().st_ino for name in ("one", "two", "folder/three")}
    links = {(root / name).lstat().st_ino for name in ("dangling", "folder/dangling")}
    return len(files), len(links), (root / "one").read_text(), os.readlink(root / "dangling")


def replaced(root: Path) -> None:
    (root / "etc/passwd").unlink()
    for name in ("group", "shadow"):
        (root / "tmp" / name).write_text("x")
    for each in (root / "tmp").iterdir():
        each.unlink()
    (root / "tmp").rmdir()
    (root / "tmp").write_text("a file in the place of a folder")


def special(root: Path) -> None:
    os.mkfifo(root / "pipe", 0o620)
    os.mknod(root / "device", stat.S_IFCHR | 0o604, os.makedev(1, 3))
    os.chown(root / "device", 7, 8)


def of_rights(root: Path) -> None:
    (root / "suid").write_bytes(b"#!")
    os.chown(root / "suid", 1001, 42)
    (root / "suid").chmod(0o6751)
    # cap_net_raw, effective: the only capability of ping.
    os.setxattr(root / "suid", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.setxattr(root / "suid", "user.note", b"\0\xff")
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o3770)
    (root / "secret").write_text("nobody may read this")
    (root / "secret").chmod(0)


def rights(root: Path) -> object:
    attributes = [os.getxattr(root / "suid", name) for name in ("security.capability", "user.note")]
    return [status(name, "mode", "uid", "gid")(root) for name in ("suid", "sticky", "secret")], attributes


def odd_names(root: Path) -> None:
    (root / "names").mkdir()
    for name in (b"\xff\xfe", b"a\nb", b"-rf", "ü".encode(), b"x" * 255):
        Path(os.fsdecode(os.path.join(os.fsencode(root / "names"), name))).write_text("odd")


CASES: dict[str, Case] = {
    "times to the nanosecond": Case(
        touched("times"), status("times", "mtime_ns"), lambda root: int((root / "times").stat().st_mtime)
    ),
    "times of folders": Case(
        lambda root: (root / "old").mkdir() or os.utime(root / "old", (981173106, 981173106)),  # type: ignore[func-returns-value]
        status("old", "mtime_ns"),
    ),
    "sparse files": Case(sparse, allocated, content("sparse")),
    "sockets": Case(bound, status("socket", "mode", "uid"), lambda root: (root / "socket").exists() and "left out"),
    "hard links": Case(linked, same_inodes),
    "deletions": Case(replaced, lambda root: ((root / "etc/passwd").exists(), (root / "tmp").read_text())),
    "pipes and devices": Case(
        special,
        lambda root: [status(name, "mode", "uid", "gid", "rdev")(root) for name in ("pipe", "device")],
    ),
    "owners, modes, capabilities": Case(of_rights, rights),
    "odd names": Case(odd_names, lambda root: sorted(os.listdir(os.fsencode(root / "names")))),
    "links out of the tree": Case(
        lambda root: (root / "out").symlink_to("/etc/shadow"), lambda root: os.readlink(root / "out")
    ),
    "the root itself": Case(lambda root: root.chmod(0o751), status(".", "mode"), lambda root: "the image's"),
}


def room(podman: Podman, folder: Path, **more: Any) -> ReplicaSets:  # noqa: ANN401
    return ReplicaSets(Settings(**(given(podman, folder) | more)))


def root_of(engine: Engine, container: str) -> Path:
    return Path(f"/proc/{engine('inspect', '--format', '{{.State.Pid}}', container)}/root/")


@pytest.fixture(scope="module", params=WAYS)
def carried(
    request: pytest.FixtureRequest, podman_service: Podman, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, object], dict[str, object]]:
    """What was read of each case before, and in the version after the next."""
    need_root("a disk has devices, and is read from outside")
    rs, engine = room(podman_service, tmp_path_factory.mktemp("carried"), carry=request.param), podman_service.engine
    try:
        rs.run(RunRequest(TINY, "foo"))
        root = root_of(engine, "foo-1")
        for case in CASES.values():
            case.make(root)
        reads = {
            name: (case.recorded if request.param == "commit" and case.recorded else case.read)
            for name, case in CASES.items()
        }
        before = {name: read(root) for name, read in reads.items()}
        rs.patch("foo", PatchRequest())
        rs.restart("foo")
        root = root_of(engine, "foo-3")
        after = {name: read(root) for name, read in reads.items()}
    finally:
        rs.delete("foo")
        rs.close()
    return request.param, before, after


@pytest.mark.parametrize("case", CASES)
def test_what_a_disk_holds_is_carried(case: str, carried: tuple[str, dict[str, object], dict[str, object]]) -> None:
    way, before, after = carried
    if (way, case) == ("commit", "sockets"):
        assert after[case] is False
    else:
        assert after[case] == before[case]


def deepened(root: Path) -> None:
    """Make a tree of many levels, with a file at the bottom whose path no call could name."""
    here = os.open(root, os.O_RDONLY)
    for level in range(LEVELS):
        os.mkdir(f"level{level}", dir_fd=here)
        inner = os.open(f"level{level}", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with os.fdopen(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here), "w") as file:
        file.write("deep")
    os.close(here)


def bottom(root: Path) -> str:
    here = os.open(root, os.O_RDONLY)
    for level in range(LEVELS):
        inner = os.open(f"level{level}", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with os.fdopen(os.open("bottom", os.O_RDONLY, dir_fd=here)) as file:
        os.close(here)
        return file.read()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    need_root("a disk is read from outside")
    return str(request.param)


def test_a_tree_of_1500_levels_is_carried_or_refused_and_never_cut(way: str, podman: Podman, tmp_path: Path) -> None:
    rs, engine = room(podman, tmp_path, carry=way), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo 1 >/v"]))
    deepened(root_of(engine, "foo-1"))
    with pytest.raises(EngineError, match=r"podman cannot read the whole disk of foo-1: .* name too long"):
        rs.commit("foo", "mine:1")
    assert "localhost/mine:1" not in engine.names()
    if way == "auto":
        rs.patch("foo", PatchRequest())
        assert bottom(root_of(engine, "foo-2")) == "deep"
    else:
        with pytest.raises(EngineError, match="podman cannot read the whole disk"):
            rs.patch("foo", PatchRequest())
        assert bottom(root_of(engine, "foo-1")) == "deep"
    assert rs.info("foo").live == "running"
    rs.delete("foo")
    rs.close()


def test_a_version_may_hold_so_much_and_no_more(way: str, podman: Podman, tmp_path: Path) -> None:
    rs = room(podman, tmp_path, carry=way, disk=8 << 20)
    rs.run(RunRequest(TINY, "foo", command=["sh", "-c", "echo $$ >/started; sleep 1000"]))
    rs.execute("foo", ExecuteRequest(["dd", "if=/dev/zero", "of=/big", "bs=1M", "count=9"]))
    for refused in (
        lambda: rs.patch("foo", PatchRequest()),
        lambda: rs.restart("foo"),
        lambda: rs.commit("foo", "mine:1"),
    ):
        with pytest.raises(Exhausted, match=r"the system disk of foo-1 holds 9 MB, and 8 MB are allowed") as error:
            refused()
        assert error.value.code == Code.QUOTA and "--disk-limit" in error.value.hint
        assert (rs.info("foo").live, rs.info("foo").set.current) == ("running", 1)
    rs.execute("foo", ExecuteRequest(["rm", "/big"]))
    assert rs.patch("foo", PatchRequest()).number == 2
    rs.delete("foo")
    rs.close()


def test_a_file_of_a_terabyte_of_nothing_fills_no_disk(way: str, podman: Podman, tmp_path: Path) -> None:
    rs, engine = room(podman, tmp_path, carry=way), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    with (root_of(engine, "foo-1") / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Exhausted, match=r"the system disk of foo-1 takes 1 TB as an image, and the engine has .* free"):
        rs.commit("foo", "mine:1")
    if way == "auto":
        rs.patch("foo", PatchRequest())
        found = (root_of(engine, "foo-2") / "huge").stat()
        assert (found.st_size, found.st_blocks * 512 < 1 << 20) == (1 << 40, True)
    else:
        with pytest.raises(Exhausted, match="takes 1 TB as an image"):
            rs.patch("foo", PatchRequest())
    assert rs.info("foo").live == "running"
    rs.delete("foo")
    rs.close()


def test_a_commit_that_nobody_waits_for_never_names_an_image(podman: Podman, tmp_path: Path) -> None:
    rs, engine = room(podman, tmp_path, carry="commit"), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    before = engine.names()
    # podman itself goes on with it after its client has gone.
    client = PodmanEngine(podman.address)
    original = PodmanHttp.call

    def gone(self: PodmanHttp, method: str, path: str, *args: object, **given: object) -> object:
        done = original(self, method, path, *args, **given)  # type: ignore[arg-type]
        if path == "/commit":
            raise EngineGone("the service is killed")
        return done

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PodmanHttp, "call", gone)
        rs.stop("foo")
        with pytest.raises(EngineGone):
            client.commit("foo-1", "localhost/workbench/12:1")
    client.close()
    (left,) = engine.names() - before
    assert left.startswith("localhost/workbench-unfinished:")
    assert rs.reconcile() == [f"{left} was left by an interrupted operation and is removed"]
    assert engine.names() == before and rs.reconcile() == []
    rs.restart("foo")
    rs.delete("foo")
    assert engine.names() == before
    rs.close()


def test_a_set_that_podman_froze_unnoticed_is_paused_and_can_be_resumed(podman: Podman, tmp_path: Path) -> None:
    need_root("a cgroup is frozen from outside")
    rs, engine = room(podman, tmp_path), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    # As podman leaves it when it is killed between the runtime's work and its own record of that.
    runtime = engine("info", "--format", "{{.Host.OCIRuntime.Path}}")
    subprocess.run([runtime, "pause", engine("inspect", "--format", "{{.Id}}", "foo-1")], check=True)
    assert engine("inspect", "--format", "{{.State.Status}}", "foo-1") == "running"
    assert rs.info("foo").live == "paused"
    rs.patch("foo", PatchRequest())
    assert (rs.info("foo").live, rs.execute("foo", ExecuteRequest(["true"])).exit_code) == ("running", 0)
    subprocess.run([runtime, "pause", engine("inspect", "--format", "{{.Id}}", "foo-2")], check=True)
    client = PodmanEngine(podman.address)
    client.unpause("foo-2")
    assert (rs.info("foo").live, rs.execute("foo", ExecuteRequest(["true"])).exit_code) == ("running", 0)
    subprocess.run([runtime, "pause", engine("inspect", "--format", "{{.Id}}", "foo-2")], check=True)
    client.close()
    rs.stop("foo")
    assert rs.info("foo").live == "exited"
    rs.delete("foo")
    rs.close()


SAVES = "trap 'sleep 1; echo saved >>/saved; exit 0' TERM; touch /ready; while :; do sleep 0.1; done"


@pytest.mark.parametrize("carry", WAYS)
def test_what_a_program_writes_at_sigterm_is_in_the_next_version(carry: str, podman: Podman, tmp_path: Path) -> None:
    """It takes a second, which `--grace` gives: each of patch, restart, rollback and stop sends SIGTERM and waits."""
    rs = room(podman, tmp_path, carry=carry)
    rs.run(RunRequest(TINY, "foo", command=("sh", "-c", SAVES), grace=60))

    def saved(change: Callable[[], object]) -> str:
        done = rs.execute("foo", ExecuteRequest(["sh", "-c", "until [ -e /ready ]; do sleep 0.1; done; rm /ready"]))
        assert done.exit_code == 0
        change()
        return rs.execute("foo", ExecuteRequest(["sh", "-c", "cat /saved || true"])).stdout

    assert saved(lambda: rs.patch("foo", PatchRequest(ports=("80",)))) == "saved\n"
    assert saved(lambda: rs.restart("foo")) == "saved\n" * 2
    # The disk of version 1 as it was when it had ended, which was after it wrote.
    assert saved(lambda: rs.rollback("foo", 1)) == "saved\n"
    # What the version that was left wrote then is on its own disk.
    assert saved(lambda: rs.rollback("foo", 3)) == "saved\n" * 3

    def stop() -> None:
        rs.stop("foo")
        rs.restart("foo")

    assert saved(stop) == "saved\n" * 4
    # Without time nothing is written.
    assert saved(lambda: rs.restart("foo", grace=0)) == "saved\n" * 4
    rs.delete("foo")
    rs.close()
