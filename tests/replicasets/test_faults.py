"""The faults of the original service, one test each by number, on real podman with fake GPUs."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import TINY, Engine, need_limits, need_root, need_sized_volumes
from tests.replicasets.conftest import GPUS, Podman
from tests.replicasets.disks import CHANGES, contents
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.podman import cgroups
from workbench.replicasets.engines.ports import is_free
from workbench.replicasets.errors import Conflict, Exhausted, Failed, Invalid, NotFound, ReplicaSetError
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind

Room = Callable[..., ReplicaSets]


@pytest.fixture
def engine(podman: Podman) -> Iterator[Engine]:
    yield podman.engine


def sh(rs: ReplicaSets, name: str, script: str) -> str:
    done = rs.execute(name, ExecuteRequest(["sh", "-c", script]))
    assert done.exit_code == 0, done
    return done.stdout


def holds_nothing(rs: ReplicaSets) -> bool:
    return rs.resources().claims == ()


@pytest.mark.parametrize("carry", ["auto", pytest.param("commit", marks=pytest.mark.thorough)])
def test_b00_every_patch_keeps_the_whole_system_disk(carry: str, room: Room, engine: Engine) -> None:
    need_root("a disk has devices, and is read from outside")
    rs = room(carry=carry)
    rs.run(RunRequest(TINY, "foo", gpus=1))
    sh(rs, "foo", CHANGES)
    # A commit goes through a tar, which has no holes: all else is the same.
    before = contents(engine, "foo-1", holes=carry == "auto")
    assert "/.hidden/.deep/.z" in before and "/bin/vi" not in before and "/etc/passwd" not in before
    rs.patch("foo", PatchRequest(gpus=3))
    assert contents(engine, "foo-2", holes=carry == "auto") == before
    assert sh(rs, "foo", "ls /dev/nvidia?").split() == ["/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2"]
    rs.patch("foo", PatchRequest(gpus=0))
    assert contents(engine, "foo-3", holes=carry == "auto") == before
    assert "No such file" in rs.execute("foo", ExecuteRequest(["ls", "/dev/nvidia0"])).stdout


def test_b01_a_volume_is_resized_without_losing_what_is_in_it(rs: ReplicaSets) -> None:
    need_sized_volumes()
    rs.create_volume("data", "16MB")
    rs.run(RunRequest(TINY, "foo", binds=[Bind("data", "/data")]))
    sh(rs, "foo", "echo precious >/data/file; dd if=/dev/urandom of=/data/big bs=1M count=8 2>/dev/null")
    total = sh(rs, "foo", "md5sum /data/big")
    assert (
        "No space left"
        in rs.execute("foo", ExecuteRequest(["dd", "if=/dev/zero", "of=/data/more", "bs=1M", "count=20"])).stdout
    )
    sh(rs, "foo", "rm /data/more")
    with pytest.raises(Conflict, match="data is in use by foo-1"):
        rs.resize_volume("data", "32MB")
    rs.stop("foo")
    with pytest.raises(Invalid) as error:
        rs.resize_volume("data", "8MB")
    assert error.value.code == Code.VOLUME_USED
    for size in ("32MB", "14MB"):
        assert rs.resize_volume("data", size).size == int(size[:2]) << 20
        rs.restart("foo")
        assert sh(rs, "foo", "cat /data/file; md5sum /data/big") == f"precious\n{total}"
        rs.stop("foo")
    assert [(v.version, v.size >> 20) for v in rs.volume_history("data")] == [(3, 14), (2, 32), (1, 16)]
    with pytest.raises(Invalid) as error:
        rs.resize_volume("data", "14MB")
    assert error.value.code == Code.VOLUME_SAME_SIZE


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", "commit"])
def test_b02_stopped_and_paused_sets_keep_their_disk(carry: str, room: Room) -> None:
    rs = room(carry=carry)
    rs.run(RunRequest(TINY, "foo", gpus=1))
    sh(rs, "foo", "echo 1 >/v")
    rs.stop("foo")
    assert rs.restart("foo").gpus == rs.history("foo")[1].gpus
    assert sh(rs, "foo", "cat /v; echo 2 >/v") == "1\n"
    rs.pause("foo")
    assert rs.info("foo").live == "paused"
    assert rs.patch("foo", PatchRequest(gpus=2)).number == 3
    assert sh(rs, "foo", "cat /v; echo 3 >/v") == "2\n"
    rs.pause("foo")
    assert rs.rollback("foo", 1).number == 4
    assert sh(rs, "foo", "cat /v") == "1\n"
    # Version 3 was recorded when it was left: there is a way back from going back.
    rs.rollback("foo", 3)
    assert sh(rs, "foo", "cat /v") == "3\n"


def test_b02_a_copy_that_fails_changes_nothing(rs: ReplicaSets, monkeypatch: pytest.MonkeyPatch) -> None:
    need_root("disks are committed, and not copied")
    rs.run(
        RunRequest(
            TINY, "foo", gpus=1, command=["sh", "-c", "echo $$ >/started; cat /proc/uptime >>/started; sleep 1000"]
        )
    )
    sh(rs, "foo", "echo 1 >/v")
    started = sh(rs, "foo", "cat /started")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(Failed) as error:
        rs.patch("foo", PatchRequest(gpus=3))
    assert (error.value.code, error.value.message) == (
        Code.PATCH,
        "the system disk could not be copied: No space left on device",
    )
    assert (rs.info("foo").live, rs.info("foo").set.current) == ("running", 1)
    # The same processes: it was frozen for a moment, never ended.
    assert sh(rs, "foo", "cat /started; cat /v") == f"{started}1\n"
    assert len(rs.resources().of("gpu")) == 1


@pytest.mark.thorough
def test_b03_a_version_takes_no_more_room_than_its_changes(rs: ReplicaSets, engine: Engine) -> None:
    need_root("disks are committed, and not copied")
    rs.run(RunRequest(TINY, "foo"))
    sh(
        rs,
        "foo",
        "dd if=/dev/urandom of=/big bs=1M count=5 2>/dev/null; rm /big; dd if=/dev/urandom of=/b bs=1M count=3",
    )
    rs.patch("foo", PatchRequest())
    rs.patch("foo", PatchRequest())
    upper = engine("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", "foo-3")
    size = sum(path.lstat().st_blocks * 512 for path in Path(upper).rglob("*") if not path.is_symlink())
    assert 3 << 20 <= size < 3.2 * (1 << 20)
    # Copied, it is on top of the image that it was on, not of a chain of images that grows.
    assert engine("inspect", "--format", "{{.Image}}", "foo-3") == engine("inspect", "--format", "{{.Image}}", "foo-1")


@pytest.mark.thorough
def test_b04_versions_are_their_own_sets(rs: ReplicaSets) -> None:
    for name in ("foo", "bar"):
        rs.run(RunRequest(TINY, name))
        sh(rs, name, f"echo {name} >/v")
        rs.patch(name, PatchRequest())
    rs.rollback("foo", 1)
    assert sh(rs, "foo", "cat /v") == "foo\n"
    rs.delete("bar")
    rs.run(RunRequest(TINY, "bar"))
    with pytest.raises(NotFound, match="bar has no version 2"):
        rs.rollback("bar", 2)
    assert [version.number for version in rs.history("bar")] == [1]
    assert rs.execute("bar", ExecuteRequest(["cat", "/v"])).exit_code == 1


def test_b05_nothing_is_kept_by_what_failed(room: Room, tmp_path: Path) -> None:
    first = next(
        port for port in range(20100, 30000, 7) if is_free("127.0.0.1", port) and is_free("127.0.0.1", port + 1)
    )
    rs = room(first_port=first, last_port=first + 1)
    failures: list[tuple[type[ReplicaSetError], Code, dict[str, object]]] = [
        (Exhausted, Code.GPUS_TOO_FEW, {"gpus": GPUS + 1}),
        (Exhausted, Code.PORTS_TOO_FEW, {"gpus": 2, "ports": ["80", "81", "82"]}),
        # Without ports: podman 4.3 may listen on them for a while after such a start, and there are two only.
        (Failed, Code.RUN, {"gpus": 2, "command": ["no-such-program"]}),
        (NotFound, Code.RUN, {"gpus": 2, "binds": [Bind("nowhere", "/data")]}),
        (Exhausted, Code.MEMORY_TOO_LITTLE, {"gpus": 2, "memory": "900TB"}),
        (Exhausted, Code.CPUS_TOO_FEW, {"gpus": 2, "cpus": 4096}),
    ]
    with pytest.raises(NotFound, match="the engine has no image localhost/nowhere:1"):
        rs.run(RunRequest("localhost/nowhere:1", "foo", gpus=2, ports=["80"]))
    for kind, code, arguments in failures:
        with pytest.raises(kind) as error:
            rs.run(RunRequest(TINY, "foo", **arguments))  # type: ignore[arg-type]
        assert error.value.code == code, arguments
        assert holds_nothing(rs), arguments
    rs.run(RunRequest(TINY, "foo", gpus=GPUS, ports=["80", "81"]))
    with pytest.raises(Exhausted):
        rs.patch("foo", PatchRequest(gpus=GPUS + 1))
    with pytest.raises(Exhausted):
        rs.patch("foo", PatchRequest(ports=("80", "81", "82")))
    assert (rs.info("foo").live, len(rs.resources().of("gpu")), len(rs.resources().of("port"))) == ("running", GPUS, 2)


def test_b06_what_was_given_back_is_given_back_once(rs: ReplicaSets) -> None:
    rs.run(RunRequest(TINY, "foo", gpus=2))
    rs.stop("foo")
    rs.run(RunRequest(TINY, "bar", gpus=GPUS))
    rs.stop("foo")
    owners = {claim.set for claim in rs.resources().of("gpu").values()}
    assert owners == {"bar"}
    with pytest.raises(Exhausted, match="0 of 4 are available"):
        rs.patch("foo", PatchRequest(gpus=1))
    with pytest.raises(Exhausted, match="0 of 4 are available"):
        rs.restart("foo")
    with pytest.raises(Conflict, match="foo is stopped"):
        rs.continue_("foo")
    rs.delete("foo")
    assert len(rs.resources().of("gpu")) == GPUS
    assert {claim.set for claim in rs.resources().of("gpu").values()} == {"bar"}


@pytest.mark.thorough
def test_b07_a_rollback_claims_its_gpus_afresh(rs: ReplicaSets) -> None:
    rs.run(RunRequest(TINY, "foo", gpus=2))
    first = rs.info("foo").version.gpus
    rs.patch("foo", PatchRequest(gpus=0))
    rs.run(RunRequest(TINY, "bar", gpus=2))
    assert rs.info("bar").version.gpus == first, "they were free"
    back = rs.rollback("foo", 1)
    assert len(back.gpus) == 2 and not set(back.gpus) & set(first)
    assert rs.rollback("foo", 2).gpus == ()
    rs.patch("bar", PatchRequest(gpus=3))
    with pytest.raises(Exhausted):
        rs.rollback("foo", 1)
    assert rs.info("foo").set.current == 4


def test_b08_b09_all_is_written_when_an_operation_returns(room: Room) -> None:
    rs = room()
    rs.run(RunRequest(TINY, "foo", gpus=2, ports=["80"]))
    rs.patch("foo", PatchRequest(gpus=1))
    # Another service, as after a kill -9: nothing was told to the first one.
    again = room()
    assert again.reconcile() == []
    assert again.info("foo") == rs.info("foo")
    assert again.resources() == rs.resources()
    with pytest.raises(Exhausted):
        again.run(RunRequest(TINY, "bar", gpus=GPUS))


def test_b10_many_handlers_at_once(rs: ReplicaSets, engine: Engine) -> None:
    need_limits(engine)
    rs.run(RunRequest(TINY, "foo"))
    failed: list[ReplicaSetError] = []
    won: list[str] = []

    def work(number: int) -> None:
        try:
            if number % 4 == 0:
                rs.patch("foo", PatchRequest(memory=f"{64 + number}MB"))
            elif number % 4 == 1:
                rs.info("foo")
            else:
                won.extend(rs.run(RunRequest(TINY, f"set{number}", gpus=1)).gpus)
        except ReplicaSetError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(set(won)), {error.code for error in failed}) == (GPUS, GPUS, {Code.GPUS_TOO_FEW})
    assert rs.info("foo").version.memory >> 20 in (64, 68, 72, 76)


def test_b11_history_has_a_row_for_every_version(rs: ReplicaSets) -> None:
    rs.run(RunRequest(TINY, "foo", env=["A=1"]))
    rs.patch("foo", PatchRequest(gpus=1))
    rs.rollback("foo", 1)
    assert [(v.number, v.origin, len(v.gpus)) for v in rs.history("foo")] == [(3, 1, 0), (2, 1, 1), (1, 0, 0)]
    assert [v.number for v in rs.history("foo", limit=1)] == [3]
    assert [v.number for v in rs.history("foo", limit=5, before=3)] == [2, 1]


def test_b12_a_name_is_a_name(rs: ReplicaSets) -> None:
    rs.run(RunRequest(TINY, "foo"))
    rs.stop("foo")
    with pytest.raises(Conflict) as error:
        rs.run(RunRequest(TINY, "foo"))
    assert error.value.code == Code.EXISTS
    rs.run(RunRequest(TINY, "fo."))
    for other in ("f", "fo", "foo1", "FOO"):
        with pytest.raises(NotFound):
            rs.info(other)
    rs.delete("fo.")
    assert rs.info("foo").live == "exited"


def test_b13_a_deleted_volume_leaves_nothing(rs: ReplicaSets, engine: Engine, tmp_path: Path) -> None:
    need_sized_volumes()
    rs.create_volume("data", "8MB")
    rs.create_volume("plain")
    with pytest.raises(Invalid, match="plain was created without a size"):
        rs.resize_volume("plain", "8MB")
    rs.run(RunRequest(TINY, "foo", binds=[Bind("data-1", "/data")]))
    with pytest.raises(Conflict, match="data is bound by foo-1"):
        rs.delete_volume("data")
    assert [volume.name for volume in rs.volumes()] == ["data", "plain"]
    rs.delete("foo")
    for name in ("data", "plain"):
        rs.delete_volume(name)
    assert rs.volumes() == [] and list((tmp_path / "volumes").iterdir()) == []
    assert engine("volume", "ls", "--quiet") == ""
    assert rs.create_volume("data").version == 1


def test_b14_it_fails_aloud(room: Room, tmp_path: Path) -> None:
    rs = room()
    (tmp_path / "shared" / "a").mkdir(parents=True)
    rs.run(RunRequest(TINY, "foo", binds=[Bind(str(tmp_path / "shared"), "/data")]))
    swap = (Bind("/nowhere", "/data"), Bind(str(tmp_path / "shared/a"), "/data"))
    with pytest.raises(Invalid, match="it has no bind /nowhere:/data"):
        rs.patch("foo", PatchRequest(binds=(swap,)))
    missing = rs.execute("foo", ExecuteRequest(["no-such-program"]))
    assert missing.exit_code == 127 and "no-such-program" in missing.stdout
    assert rs.execute("foo", ExecuteRequest(["sleep", "60"], seconds=1)).timed_out
    cut = rs.execute("foo", ExecuteRequest(["yes"], max_bytes=1000))
    assert (cut.cut, len(cut.stdout)) == (True, 1000)
    assert "yes" not in sh(rs, "foo", "ps | grep -v ps")
    # GPUs whose spec cannot be read are an error, never none.
    (tmp_path / "cdi").mkdir()
    (tmp_path / "cdi" / "gpu.yaml").write_text("devices: [")
    with pytest.raises(ReplicaSetError, match="CDI spec cannot be read"):
        room(cdi=(str(tmp_path / "cdi"),)).run(RunRequest(TINY, "bar", gpus=1))


@pytest.mark.thorough
def test_b15_the_new_process_finds_its_disk_and_its_ports(rs: ReplicaSets, tmp_path: Path) -> None:
    command = ["sh", "-c", "cat /v >>/seen 2>&1; exec httpd -f -p 80 -h /"]
    ports = rs.run(RunRequest(TINY, "foo", gpus=1, ports=["80", "81"], command=command)).ports
    sh(rs, "foo", "echo mine >/v")
    after = rs.patch("foo", PatchRequest(gpus=2))
    assert after.ports == ports
    assert sh(rs, "foo", "cat /seen").splitlines()[-1] == "mine", "the disk was there before the process was"
    assert sh(rs, "foo", "env | grep CONTAINER_VERSION; ls /dev/nvidia1") == "CONTAINER_VERSION=2\n/dev/nvidia1\n"
    rs.stop("foo")
    rs.run(RunRequest(TINY, "bar", ports=["80"]))
    assert rs.info("bar").version.ports[0].host not in {port.host for port in ports}
    assert rs.restart("foo").ports == ports
    assert rs.rollback("foo", 1).ports == ports


@pytest.mark.parametrize("operation", ["continue_", "stop", "delete", "patch"])
def test_what_podman_wrongly_takes_to_be_paused_goes_on_and_ends(operation: str, room: Room, engine: Engine) -> None:
    """A podman that is killed while it resumes a container has not recorded that it did: runc resumes it no more."""
    need_root("a cgroup is resumed from outside")
    rs = room()
    rs.run(RunRequest(TINY, "foo"))
    rs.pause("foo")
    cgroups.thaw(int(engine("inspect", "--format={{.State.Pid}}", "foo-1")))
    if operation == "patch":
        assert rs.patch("foo", PatchRequest()).number == 2
    else:
        getattr(rs, operation)("foo")
    names = engine("ps", "--all", "--format={{.Names}}").splitlines()
    found = [f"{name} {engine('inspect', '--format={{.State.Status}}', name)}" for name in names]
    expected = {
        "continue_": ["foo-1 running"],
        "stop": ["foo-1 exited"],
        "delete": [],
        "patch": ["foo-1 exited", "foo-2 running"],
    }
    assert found == expected[operation]
