"""Sized volumes on XFS: with a stand-in for its command that keeps to what the real one says, and on a real XFS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import search_path
from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from tests.replicasets.volumes.resized import resized_while_used
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Failed, Invalid
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.volumes import xfs as xfs_driver
from workbench.replicasets.volumes.driver import tool

# Beside it lies `state`: a line for each project, its folder and its limit; and `on`, whether quota is enforced.
XFS_QUOTA = """#!{python} -IS
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
state = os.path.join(here, "state")
known = json.load(open(state)) if os.path.exists(state) else {{}}
expert, flag, command, mount = sys.argv[1:]
assert (expert, flag) == ("-x", "-c") and os.path.ismount(mount), sys.argv
def used(path):
    files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sum(os.lstat(file).st_size for file in files)
match command.split():
    case ["state", "-p"]:
        print("Project quota state on", mount, "(/dev/sdz)")
        print("  Accounting: ON\\n  Enforcement:", open(os.path.join(here, "on")).read())
    case ["project", "-s", "-p", path, number] if os.path.isdir(path):
        known.setdefault(number, ["", 0])[0] = path
        print("Setting up project", number, "(path %s)..." % path)
    case ["limit", "-p", limit, number]:
        known.setdefault(number, ["", 0])[1] = int(limit.removeprefix("bhard="))
    case ["report", "-p", "-n", "-N", "-b"]:
        print("#0                   0          0          0     00 [--------]")
        for number, (path, limit) in known.items():
            if limit or used(path):
                print("#%-10s %10d %10d %10d     00 [--------]" % (number, used(path) >> 10, 0, limit >> 10))
    case _:
        sys.exit("xfs_quota: " + command)
json.dump(known, open(state, "w"))
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands by which every file system is an XFS with project quota."""
    if os.geteuid() != 0:
        pytest.skip("not root: sized volumes cannot be made")
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in {"xfs_quota": XFS_QUOTA.format(python=sys.executable), "stat": "#!/bin/sh\necho xfs\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "on").write_text("ON")
    monkeypatch.setenv("PATH", f"{folder}:{search_path()}")
    return folder


@pytest.fixture
def fake(tools: Path, tmp_path: Path) -> ReplicaSets:
    faults = Faults()
    return service(tmp_path, FakeEngine(faults), MemoryStore(faults))


def place(rs: ReplicaSets) -> Path:
    return Path(rs.settings.volumes, rs.volume("data").id)


def test_a_volume_is_a_project(fake: ReplicaSets, tools: Path) -> None:
    volume = fake.create_volume("data", size="16MB")
    assert volume.driver == "xfs-pquota"
    assert oct(place(fake).stat().st_mode & 0o7777) == "0o775"
    ((number, kept),) = known(tools).items()
    assert kept == [str(place(fake)), 16 << 20] and 1 << 20 <= int(number) < 1 << 32
    (place(fake) / "big").write_bytes(b"x" * (12 << 20))
    with pytest.raises(Invalid) as error:
        fake.resize_volume("data", "8MB")
    assert error.value.code == Code.VOLUME_USED and error.value.hint == "at least 14MB"
    assert fake.resize_volume("data", "14MB").version == 2
    assert known(tools)[number][1] == 14 << 20
    fake.create_volume("other", size="16MB")
    assert len(known(tools)) == 2
    gone = place(fake)
    fake.delete_volume("data")
    assert not gone.exists() and known(tools)[number][1] == 0


def test_its_size_is_read_from_the_file_system_when_the_store_is_gone(fake: ReplicaSets, tmp_path: Path) -> None:
    fake.create_volume("data", size="16MB")
    fake.resize_volume("data", "64MB")
    again = ReplicaSets(fake.settings, engine=fake._world.engine, store=MemoryStore(Faults()))
    assert again.volume("data") == fake.volume("data")


def test_without_quota_or_its_command_a_volume_is_an_image(fake: ReplicaSets, tools: Path) -> None:
    (tools / "on").write_text("OFF")
    assert fake.create_volume("data", size="16MB").driver == "loop-ext4"


def test_a_limit_that_is_not_taken_makes_no_volume(fake: ReplicaSets, tools: Path) -> None:
    """The real command says what is wrong and ends with 0."""
    text = (tools / "xfs_quota").read_text()
    (tools / "xfs_quota").write_text(text.replace('int(limit.removeprefix("bhard="))', "0"))
    with pytest.raises(Failed, match="did not take the limit"):
        fake.create_volume("data", size="16MB")
    assert fake.volumes() == [] and list(Path(fake.settings.volumes).iterdir()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("operation", ["create", "delete"])
def test_a_crash_at_every_point_leaves_a_volume_with_its_limit_or_nothing(
    operation: str, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()

    def faulty(what: str, *command: str, okay: tuple[int, ...] = (0,)) -> str:
        faults.point(command[0], "before", lambda: Failed(what), lambda: Failed(what))
        output = tool(what, *command, okay=okay)
        faults.point(command[0], "after", lambda: Failed(what), lambda: Failed(what))
        return output

    monkeypatch.setattr(xfs_driver, "tool", faulty)
    at = 0
    while True:
        engine, store = FakeEngine(faults), MemoryStore(faults)
        rs = service(tmp_path, engine, store)
        if operation == "delete":
            rs.create_volume("data", "16MB")
            (place(rs) / "precious").write_text("x")
        faults.at, faults.count, faults.fired = at, 0, ""
        try:
            if operation == "create":
                rs.create_volume("data", "16MB")
            else:
                rs.delete_volume("data")
        except Crash:
            pass
        faults.at = -1
        again = service(tmp_path, engine, store)
        again.reconcile()
        limits = {Path(str(path)).name: limit for path, limit in known(tools).values() if limit}
        assert limits == {volume.id: volume.size for volume in again.volumes()}, faults.fired
        assert {each.name for each in Path(rs.settings.volumes).glob("*")} == limits.keys(), faults.fired
        for volume in again.volumes():
            assert operation == "create" or (place(again) / "precious").read_text() == "x"
            again.delete_volume(volume.name)
        if not faults.fired:
            break
        at += 1
    assert at >= 8


def known(tools: Path) -> dict[str, list[object]]:
    state = tools / "state"
    found: dict[str, list[object]] = json.loads(state.read_text()) if state.exists() else {}
    return found


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    """A folder on a real XFS with project quota, in a file."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs", path=search_path()) is None:
        pytest.skip("not root, or xfsprogs not installed")
    if "\txfs\n" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no XFS (CONFIG_XFS_FS)")
    image, folder = tmp_path / "xfs.img", tmp_path / "xfs"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    folder.mkdir()
    subprocess.run(["mkfs.xfs", "-q", str(image)], check=True, env={**os.environ, "PATH": search_path()})
    if subprocess.run(["mount", "-o", "loop,prjquota", image, folder], check=False, capture_output=True).returncode:
        # It is the quota that is missing, and nothing else is wrong with it.
        subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
        subprocess.run(["umount", str(folder)], check=True)
        pytest.skip("this kernel has no XFS quota (CONFIG_XFS_QUOTA)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_volume_is_resized_while_it_is_used(room: Callable[..., ReplicaSets], xfs: Path) -> None:
    volumes = xfs / "volumes"
    resized_while_used(room(volumes=str(volumes)), volumes, driver="xfs-pquota", full="no space left")
