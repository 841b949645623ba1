"""The unit of systemd: that it is one, and that what it takes away from the service is nothing that a disk needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import TINY, search_path
from tests.replicasets.conftest import Podman
from tests.replicasets.deployment.running import UNIT, under, unit
from tests.replicasets.disks import CHANGES, contents
from workbench.replicasets.api.connections import MOST_IDLE
from workbench.replicasets.api.lanes import LaneBounds

# A view of the file systems of the service's own: disks that podman let go of would stay mounted in it.
MOUNTING = ("Protect", "Private", "ReadWrite", "ReadOnly", "Inaccessible", "Bind", "Root", "TemporaryFile", "Mount")


def test_systemd_takes_it(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze", path=search_path()) is None:
        pytest.skip("systemd-analyze not installed")
    # As installed: the repository is where the unit says.
    text = UNIT.read_text().replace("/opt/workbench-images", str(REPOSITORY))
    (tmp_path / UNIT.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_it_must_and_must_not_contain() -> None:
    said = unit()
    assert said["KillMode"] == "process", "containers and their monitors outlive the service"
    assert (said["StateDirectory"], said["StateDirectoryMode"]) == ("workbench", "0700")
    assert "--state /var/lib/workbench" in said["ExecStart"]
    assert [name for name in said if name.startswith(MOUNTING)] == []
    assert int(said["LimitNOFILE"]) > MOST_IDLE + LaneBounds().threads() + LaneBounds().stream.in_all
    assert int(said["TasksMax"]) > 2 * LaneBounds().threads(), "each program that runs has a timer too"
    assert said["MemoryMax"] == "4G"
    assert "RestrictSUIDSGID" not in said and "SystemCallFilter" not in said


def bounded(capabilities: Sequence[str]) -> list[str]:
    """The command that runs another with at most these capabilities (CAP_…), of those that we have."""
    ours = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "CapEff" in line)[7:], 16)
    asked = subprocess.run(["setpriv", "--list-caps"], capture_output=True, text=True, check=True)
    numbers = {name: number for number, name in enumerate(asked.stdout.split())}
    names = [name.removeprefix("CAP_").lower() for name in capabilities]
    listed = ",".join(["-all", *(f"+{name}" for name in names if ours >> numbers[name] & 1)])
    return ["setpriv", "--no-new-privs", f"--bounding-set={listed}", f"--inh-caps={listed}"]


@pytest.mark.thorough
@pytest.mark.parametrize("without", ["", "CAP_SYS_ADMIN"])
def test_a_disk_is_carried_whole_with_the_units_capabilities(without: str, podman: Podman, tmp_path: Path) -> None:
    """Without one that a copy needs it goes through podman: whole too, and never a copy that only looks like it."""
    if shutil.which("setpriv") is None or os.geteuid() != 0:
        pytest.skip("not root, or setpriv not installed")
    kept = [each for each in unit()["CapabilityBoundingSet"].split() if each != without]
    with under(bounded(kept), podman, tmp_path) as service:
        service.run(TINY, gpuCount=1)
        service.sh("foo", CHANGES)
        # A folder in the place of the image's own: what was in that one must not come back.
        anew = "cp /bin/busybox /; B=/busybox; $B rm -r /bin; $B mkdir /bin; $B cp $B /bin/; $B ln -s busybox /bin/sh"
        service.sh("foo", anew)
        before = contents(podman.engine, "foo-1", holes=not without)
        service("PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 2}})
        assert contents(podman.engine, "foo-2", holes=not without) == before
        assert ("foo-1" in podman.engine("ps", "--all", "--format", "{{.Names}}").split()) == (not without)
        service("DELETE", "/replicaSet/foo")
