"""What a version's record is worth on real podman: layers that stay few, and a store that is written anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY, need_limits, need_sized_volumes
from tests.replicasets.conftest import Podman
from tests.replicasets.disks import CHANGES, contents
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind, State


@pytest.mark.thorough
def test_commits_are_squashed_before_the_engine_has_too_many_layers(
    room: Callable[..., ReplicaSets], podman: Podman
) -> None:
    rs, engine = room(carry="commit", depth=2), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    rs.execute("foo", ExecuteRequest(["sh", "-c", CHANGES]))
    before, depths = contents(engine, "foo-1", holes=False), []
    for number in range(2, 5):
        rs.execute("foo", ExecuteRequest(["sh", "-c", f"echo {number} >/n{number}"]))
        rs.patch("foo", PatchRequest())
        layers = engine("inspect", "--type=image", "--format", "{{len .RootFS.Layers}}", rs.history("foo")[1].disk)
        depths.append(int(layers))
    assert depths == [2, 1, 2]
    after = contents(engine, "foo-4", holes=False)
    assert {path: entry for path, entry in after.items() if path not in ("/n2", "/n3", "/n4")} == before
    assert {"/n2", "/n3", "/n4"} <= set(after)
    # Each version is an image, so that its container is gone, and any can be returned to.
    assert engine("ps", "--all", "--format", "{{.Names}}") == "foo-4"
    rs.rollback("foo", 1)
    back = contents(engine, "foo-5", holes=False)
    assert {path: entry for path, entry in back.items() if path != "/n2"} == before and "/n2" in back
    rs.delete("foo")
    assert not [name for name in engine.names() if "/workbench/" in name]


@pytest.mark.thorough
def test_a_store_is_written_anew_from_podman(room: Callable[..., ReplicaSets], tmp_path: Path) -> None:
    need_sized_volumes()
    rs = room()
    rs.create_volume("data", "8MB")
    rs.create_volume("plain")
    rs.run(RunRequest(TINY, "foo", gpus=1, ports=["80"], env=["A=b c"], binds=[Bind("data", "/data")], memory="64MB"))
    rs.patch("foo", PatchRequest(gpus=2))
    rs.run(RunRequest(TINY, "off", gpus=1, ports=["80"]))
    rs.stop("off")
    before = rs.history("foo"), rs.info("foo"), rs.info("off"), rs.volumes(), rs.resources().of("gpu")
    (tmp_path / "store.db").unlink()
    assert (rs.history("foo"), rs.info("foo"), rs.info("off"), rs.volumes(), rs.resources().of("gpu")) == before
    assert rs.restart("off").number == 2
    assert rs.rollback("foo", 1).number == 3


@pytest.mark.thorough
def test_a_running_set_is_limited_in_its_place(rs: ReplicaSets, podman: Podman) -> None:
    need_limits(podman.engine)
    rs.run(RunRequest(TINY, "foo", memory="64MB", cpus=1, restart="always"))
    pid = podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1")
    assert rs.patch("foo", PatchRequest(memory="128MB", cpus=0.5)).number == 1
    assert podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1") == pid
    assert limit(pid) == 128 << 20
    # podman forgets it at each start; we do not.
    podman.engine("stop", "--time=0", "foo-1")
    ended_and_started(rs)
    assert limit(podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1")) == 128 << 20
    assert rs.patch("foo", PatchRequest(gpus=1)).memory == 128 << 20


@pytest.mark.thorough
def test_limits_that_were_changed_outlive_the_store(rs: ReplicaSets, podman: Podman, tmp_path: Path) -> None:
    need_limits(podman.engine)
    rs.run(RunRequest(TINY, "foo", memory="64MB"))
    rs.patch("foo", PatchRequest(memory="128MB", cpus=0.5))
    rs.run(RunRequest(TINY, "free", memory="64MB", cpus=1))
    rs.patch("free", PatchRequest(memory="", cpus=0))
    rs.run(RunRequest(TINY, "same", memory="64MB"))
    rs.patch("same", PatchRequest(memory="128MB"))
    rs.patch("same", PatchRequest(memory="64MB"))
    podman.engine("stop", "--time=0", "foo-1", "free-1")
    (tmp_path / "store.db").unlink()
    rs.reconcile()
    found = {each.name: rs.info(each.name).version for each in rs.sets()}
    limits = {name: (version.cpus, version.memory >> 20) for name, version in found.items()}
    assert limits == {"foo": (500, 128), "free": (0, 0), "same": (0, 64)}
    assert rs.restart("foo").memory == 128 << 20
    # podman starts it with the limit that it was made with: that is taken away again.
    rs.patch("same", PatchRequest(memory="", restart="always"))
    rs.patch("foo", PatchRequest(restart="always"))
    podman.engine("stop", "--time=0", "foo-2", "same-1")
    ended_and_started(rs)
    for name, expected in (("foo", 128 << 20), ("same", None)):
        found_limit = limit(podman.engine("inspect", "--format", "{{.State.Pid}}", rs.info(name).version.container))
        assert found_limit == expected or (expected is None and found_limit > 1 << 40)
    for each in rs.sets():
        rs.delete(each.name)
    assert podman.engine("volume", "ls", "--quiet") == ""


def ended_and_started(rs: ReplicaSets) -> None:
    """Wait until all that ended is started again by its policy."""
    rs.observe()
    deadline = time.monotonic() + 60
    while any(each.state is State.RESTARTING for each in rs.sets()):
        assert time.monotonic() < deadline
        rs.start_again()
        time.sleep(0.1)


def limit(pid: str) -> int:
    """The memory limit of a process's control group, in either version of them."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, kinds, path = line.split(":", 2)
        for file in (f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes", f"/sys/fs/cgroup{path}/memory.max"):
            if ("memory" in kinds or number == "0") and Path(file).exists():
                text = Path(file).read_text().strip()
                return 1 << 62 if text == "max" else int(text)
    raise AssertionError(f"no memory limit of {pid}")


def test_what_was_committed_is_no_version_of_ours(rs: ReplicaSets, podman: Podman) -> None:
    rs.run(RunRequest(TINY, "foo"))
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo 1 >/v"]))
    assert rs.commit("foo", "mine:1") == "localhost/mine:1"
    assert rs.info("foo").live == "running"
    rs.delete("foo")
    podman.engine("run", "-dit", "--name=foo-1", "localhost/mine:1")
    assert rs.reconcile() == [] and rs.sets() == []
    rs.run(RunRequest("localhost/mine:1", "bar"))
    assert rs.execute("bar", ExecuteRequest(["cat", "/v"])).stdout == "1\n"
