from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import debian
from tests import dockerd as daemons
from tests.dockerd import Dockerd
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
    with debian.root_of("docker.io") as root:
        yield root


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
    deadline = time.monotonic() + 60
    while any(one.is_alive() for one in ours) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [one for one in ours if one.is_alive()]
