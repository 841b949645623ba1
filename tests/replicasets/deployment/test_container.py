"""The service in a container on the host's podman: the image is built, and the compose file is what it runs by."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import TINY, BaseChoice, Engine, ca_bundle, search_path
from tests.replicasets.conftest import Podman
from tests.replicasets.deployment.running import COMPOSE, address, asked, podman_run
from tests.replicasets.disks import CHANGES, contents
from workbench.monobase.requirements import read_lock

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def image(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    logs = tmp_path_factory.mktemp("logs")
    done = wizard("service-image", *base.flags(), *ca_bundle(), "--log-dir", logs, env=store.env)
    assert done.returncode == 0, done.stderr
    dated, latest = done.stdout.split()
    assert latest in COMPOSE.read_text()
    return dated


@pytest.mark.parametrize("storage", [pytest.param("not lent", marks=pytest.mark.slow), "lent"])
def test_b0_a_service_in_a_container_keeps_every_disk(storage: str, image: str, podman: Podman, tmp_path: Path) -> None:
    """Its podman is the host's; with podman's storage or without, and past a restart, nothing is lost."""
    if shutil.which("mkfs.ext4", path=search_path()) is None:
        pytest.skip("e2fsprogs not installed")
    engine, name = podman.engine, "the.service"
    # `bind` and not `rbind`: the disks that are mounted there now would never be let go of.
    more = [f"--volume={engine.folder}/store:{engine.folder}/store:bind"] if storage == "lent" else []
    told = podman_run(podman, tmp_path, name, image, more)
    engine(*told)
    with asked(address(engine, name), tmp_path / "state") as service:
        service("POST", "/volumes", {"name": "data", "size": "16MB"})
        # A folder inside is mounted for podman in podman's own view of the file systems.
        (tmp_path / "shared/own").mkdir()
        binds = [{"src": "data", "dest": "/data"}, {"src": str(tmp_path / "shared/own"), "dest": "/shared"}]
        service.run(TINY, gpuCount=1, binds=binds, containerPorts=["80"])
        service.sh("foo", f"echo kept >/data/it; echo ours >/shared/it; {CHANGES}")
        before = contents(engine, "foo-1", holes=storage == "lent")
        patched = service("PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 2}})
        # A disk that went through podman's own images lost something, and that is reported.
        assert (patched["containerName"], "notes" in patched) == ("foo-2", storage != "lent")
        assert contents(engine, "foo-2", holes=storage == "lent") == before
        port = service("GET", "/replicaSet/foo")["Info"]["ports"]
    # A lent storage is read and written in its place; what is not lent goes through podman.
    assert ("foo-1" in engine("ps", "--all", "--format", "{{.Names}}").split()) == (storage == "lent")
    mounted = [line.split()[4] for line in engine("exec", name, "cat", "/proc/self/mountinfo").splitlines()]
    assert [path for path in mounted if path.startswith(f"{engine.folder}/store/overlay/")] == []
    engine("restart", name)
    with asked(address(engine, name, 2), tmp_path / "state") as service:
        assert service("GET", "/replicaSet/foo")["Info"]["live"] == "running", "it ran on"
        assert service.sh("foo", "cat /data/it /shared/it /.dot; ls /dev/nvidia?") == (
            "kept\nours\ndot\n/dev/nvidia0\n/dev/nvidia1\n"
        )
        assert service("GET", "/replicaSet/foo")["Info"]["ports"] == port
    # Another container in its place: `compose up` after a new image.
    engine("rm", "--force", "--time", "60", name)
    engine(*told)
    with asked(address(engine, name), tmp_path / "state") as service:
        # Never mounted: one that was may still be seen by whoever got a view of the file systems meanwhile.
        service("POST", "/volumes", {"name": "spare", "size": "16MB"})
        assert service("PATCH", "/volumes/spare/size", {"size": "32MB"}) == {"name": "spare-2", "size": "32MB"}
        service("PATCH", "/replicaSet/foo/stop")
        back = service("PATCH", "/replicaSet/foo/rollback", {"version": 1})
        assert (back["containerName"], "notes" in back) == ("foo-3", storage != "lent")
        assert contents(engine, "foo-3", holes=storage == "lent") == before
        assert service.sh("foo", "cat /data/it; df -m /data | tail -1").startswith("kept\n")
        timed = {"cmd": ["sleep", "600"], "seconds": 0.5}
        assert service("POST", "/replicaSet/foo/execute", timed)["timedOut"] is True
        assert "sleep" not in service.sh("foo", "ps -o args | grep -v grep | grep sleep || true")
        service("DELETE", "/replicaSet/foo")
        for name in ("data", "spare"):
            service("DELETE", f"/volumes/{name}")
    lines = [json.loads(line) for line in (tmp_path / "state/audit.log").read_text().splitlines()]
    assert {line["status"] for line in lines} == {200}


def test_the_image_installs_what_our_own_lock_pins() -> None:
    pins = json.loads((REPOSITORY / "Pipfile.lock").read_text())["default"]
    locked = read_lock(str(REPOSITORY / "service/image/requirements.txt"))
    ours = {
        package.name: f"{package.name}{pins[package.name]['version']} "
        + " ".join(f"--hash={one}" for one in sorted(pins[package.name]["hashes"]))
        for package in locked.packages
    }
    assert {package.name: package.text for package in locked.packages} == ours


def test_the_image_installs_all_that_the_service_imports() -> None:
    said = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    locked = read_lock(str(REPOSITORY / "service/image/requirements.txt"))
    wanted = {"fastapi", "uvicorn", "httpx", "pyyaml"}
    assert wanted <= set(said.stdout.split()) <= {package.name for package in locked.packages}


# Prints the distributions of all that the room and its verb bring into a process.
IMPORTS = """
import importlib, pkgutil, sys, uvicorn, yaml
from importlib.metadata import packages_distributions
from packaging.utils import canonicalize_name
import workbench.replicasets, workbench.verbs.serve
for found in pkgutil.walk_packages(workbench.replicasets.__path__, "workbench.replicasets."):
    importlib.import_module(found.name)
owners = packages_distributions()
# packaging is this script's, and setuptools' hook comes into every process; rich is for httpx's own command, optional.
none_of_ours = {"packaging", "_distutils_hack", "rich", "pygments", "markdown_it", "mdurl"}
tops = {name.partition(".")[0] for name in sys.modules} - none_of_ours
print(*{canonicalize_name(owner) for top in tops for owner in owners.get(top, ())})
"""
