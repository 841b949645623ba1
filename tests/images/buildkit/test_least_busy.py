"""The least busy of several daemons, real ones: two buildkitd, a Docker Engine, and one that is not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import buildkitd
from tests.dockerd import Dockerd
from workbench.errors import WorkbenchError
from workbench.images.backend import choose, open_backend
from workbench.images.buildkit.least_busy import least_busy
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway

NOBODY = "tcp://127.0.0.1:9"


@contextmanager
def busy(address: str) -> Iterator[None]:
    """A build that runs at `address` meanwhile."""
    running, ended = threading.Event(), threading.Event()

    def wait(build: Gateway) -> BuildResult:
        build.ping()
        running.set()
        ended.wait(60)
        return BuildResult()

    with connect(address) as daemon:
        thread = threading.Thread(target=daemon.build, args=(wait,))
        thread.start()
        try:
            assert running.wait(60)
            yield
        finally:
            ended.set()
            thread.join()


@pytest.mark.thorough
def test_the_fewest_builds_then_the_first_of_the_list(dockerd: Dockerd, tmp_path: Path) -> None:
    if why := buildkitd.missing():
        pytest.skip(why)
    with buildkitd.started() as one, buildkitd.started() as two:
        assert least_busy([NOBODY, one, two]) == (
            one,
            f"0 builds there, 0 builds at {two}, {NOBODY} does not respond (nothing listens at {NOBODY})",
        )
        with busy(one):
            assert least_busy([one, two]) == (two, f"0 builds there, 1 build at {one}")
            with busy(two), busy(two):
                assert least_busy([two, one]) == (one, f"1 build there, 2 builds at {two}")
                assert least_busy([one, dockerd.address])[0] == dockerd.address
            (tmp_path / "builders.toml").write_text(f'[team]\naddresses = ["{one}", "{two}"]\n')
            environment = {"WORKBENCH_BUILDERS": str(tmp_path / "builders.toml"), "BUILDKIT_HOST": "team"}
            backend = open_backend(choose("buildkit", environment=environment), push="localhost/x")
            assert str(backend.choice) == f"buildkit at {two}: --backend requests it; 0 builds there, 1 build at {one}"


def test_none_of_them_responds() -> None:
    with pytest.raises(WorkbenchError, match="no builder responds") as caught:
        least_busy([NOBODY, "unix:///nowhere"])
    assert caught.value.hint == f"nothing listens at {NOBODY}; there is no socket /nowhere"
