"""The daemon that the tests of the second builder stand on: it works beside podman and leaves nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import dockerd as daemons
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine


def test_it_has_a_buildkit_and_a_small_image(dockerd: Dockerd) -> None:
    assert TINY in dockerd.names()
    config = dockerd.image(TINY)["Config"]
    assert (config["Env"], config["Cmd"]) == (["PATH=/bin"], ["/bin/sh"])
    report = json.loads(dockerd("GET", "/info"))
    assert report["Driver"] == "overlay2"


def test_an_image_of_podman_is_the_same_image_there(engine: Engine, dockerd: Dockerd) -> None:
    engine("tag", TINY, "localhost/carried:1")
    dockerd.carry(engine, "localhost/carried:1")
    layers = engine("image", "inspect", "--format", "{{json .RootFS.Layers}}", "localhost/carried:1")
    assert dockerd.image("localhost/carried:1")["RootFS"]["Layers"] == json.loads(layers)
    # With the image alone, podman would take all its names.
    engine("untag", TINY, "localhost/carried:1")


@pytest.mark.parametrize("online", [False, True])
def test_nothing_of_it_stays(online: bool) -> None:
    if reason := daemons.missing():
        pytest.skip(reason)
    bridges = docker_bridges()
    with daemons.started(online=online) as running:
        assert running.steps() == []
        daemon, folder = running.pid, running.folder
    assert not folder.exists()
    assert not Path(f"/proc/{daemon}").exists()
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()
    assert docker_bridges() == bridges


def docker_bridges() -> set[str]:
    """The interfaces with names that dockerd gives; the tests beside this one make and remove others all the time."""
    return {name for name in os.listdir("/sys/class/net") if name.startswith(("docker", "br-"))}
