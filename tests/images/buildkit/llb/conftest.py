from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import dockerd as daemons
from tests.dockerd import Dockerd
from tests.engine import SHORT, search_path
from tests.images.buildkit.llb import fake

OURS, MERGING = "this machine's", "merging"


@pytest.fixture(scope="session", params=[OURS, pytest.param(MERGING, marks=pytest.mark.slow)])
def dockerd(request: pytest.FixtureRequest, dockerd: Dockerd) -> Iterator[Dockerd]:
    """The dockerd of this machine and, in a slow run, one that has merge and diff: every test here holds for both."""
    yield dockerd if request.param == OURS else request.getfixturevalue("merging_dockerd")


@pytest.fixture(scope="session")
def merging_dockerd(debian_13: Path) -> Iterator[Dockerd]:
    """Debian 13's dockerd, whose steps have no network."""
    with daemons.started(root=debian_13) as running:
        yield running


@pytest.fixture
def merging_dockerd_online(debian_13: Path) -> Iterator[Dockerd]:
    """Debian 13's dockerd in this machine's network."""
    with daemons.started(root=debian_13, online=True) as running:
        yield running


@pytest.fixture(scope="session")
def debian_13() -> Iterator[Path]:
    """A root file system with Debian 13's dockerd, made of Debian's packages: 500 MB, two minutes."""
    if shutil.which("debootstrap", path=search_path()) is None:
        pytest.skip("debootstrap not installed")
    root = Path(tempfile.mkdtemp(prefix="workbench-debian-", dir=SHORT))
    try:
        command = ["unshare", "--mount", "debootstrap", "--variant=minbase", "--include=docker.io", "trixie", str(root)]
        env = {**os.environ, "PATH": search_path()}
        made = subprocess.run([*command, *_mirror()], capture_output=True, text=True, env=env, check=False)
        assert made.returncode == 0, made.stdout[-4000:]
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _mirror() -> list[str]:
    """The mirror that is named, else the one that this machine's apt uses, else debootstrap's own choice."""
    if named := os.environ.get("DEBIAN_MIRROR"):
        return [named]
    if shutil.which("apt-get") is None:
        return []
    form = "$(REPO_URI) $(RELEASE)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=False)
    words = [line.split() for line in listed.stdout.splitlines()]
    return [found[0] for found in words if len(found) == 2 and found[1] == "bookworm"][:1]


@pytest.fixture
def daemon() -> Iterator[fake.Running]:
    """A fake BuildKit."""
    with fake.started() as running:
        yield running


@pytest.fixture
def no_threads() -> Iterator[None]:
    """What the test starts has ended with it."""
    before = set(threading.enumerate())
    yield
    ours = [one for one in threading.enumerate() if one not in before and one.name.startswith("buildkit")]
    # gRPC joins the threads of a server that has stopped a moment later.
    deadline = time.monotonic() + 10
    while any(one.is_alive() for one in ours) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [one for one in ours if one.is_alive()]
