"""What is printed about an image that was built."""

from __future__ import annotations

import shlex

import pytest

from tests.documents import command_fault
from workbench.images.store import ImageInfo
from workbench.launch.next_commands import next_commands

TAG = "jupyter-minimal-bookworm-py311_2026a_20261122"
IMAGE = f"localhost/workbench-images:{TAG}"
NAME = "jupyter-minimal-bookworm-py311_2026a"


def info(*ports: str) -> ImageInfo:
    return ImageInfo("sha256:1", "", 1, (), {"ExposedPorts": {port: {} for port in ports}}, "")


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_an_image_that_serves_nothing_runs_commands(engine: str) -> None:
    commands = next_commands(IMAGE, TAG, info(), engine=engine)
    assert commands.lines() == [
        f"  run it         {engine} run --rm -it {IMAGE} bash",
        f"  its image too  {engine} rmi {IMAGE}",
    ]


def test_podman_runs_it_as_a_workbench() -> None:
    commands = next_commands(IMAGE, TAG, info("8888/tcp"), engine="podman").as_data()
    verbs = [shlex.split(command)[2:] for name, command in commands.items() if name != "remove_image"]
    assert verbs == [["run", TAG], ["ps"], ["stop", NAME], ["stop", "--remove", NAME]]
    assert [command_fault(shlex.split(command)) for command in commands.values()] == [""] * 5


def test_docker_runs_it_on_loopback_and_keeps_the_files_in_a_volume() -> None:
    commands = next_commands(IMAGE, TAG, info("8888/tcp"), engine="docker")
    assert "--publish 127.0.0.1:8888:8888 " in commands.run
    assert f"--volume workbench-{NAME}:/opt/app-root/src " in commands.run
    assert commands.remove == f"docker rm --force workbench-{NAME}"
