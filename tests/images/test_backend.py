from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.dockerd import Dockerd
from workbench.errors import UsageError, WorkbenchError
from workbench.images.backend import BuilderChoice, choose, open_backend
from workbench.images.buildkit.carry import CarryingBuilder
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.podman.store import PODMAN

HOST = "tcp://buildkit.example.com:1234"
PODMAN_PATH = "podman"


@pytest.fixture(params=[True, False], ids=["podman is installed", "no podman"])
def podman(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether podman is on the PATH, which has nothing else."""
    if request.param:
        (tmp_path / PODMAN_PATH).write_text("#!/bin/sh\n")
        (tmp_path / PODMAN_PATH).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return bool(request.param)


def chosen(podman: bool, *args: str, here: bool = False, **environment: str) -> str:
    """The choice as it is printed, or the error's message."""
    try:
        return str(choose(*args, environment=environment, sockets=("/dev/null",) if here else ()))
    except WorkbenchError as error:
        return f"{type(error).__name__}: {error.message}"


def test_the_requested_builder_comes_first(podman: bool) -> None:
    assert chosen(podman, "podman", WORKBENCH_BUILDER="buildkit") == "podman: --backend requests it"
    expected = f"buildkit at {HOST}: --backend requests it"
    assert chosen(podman, "buildkit", HOST, WORKBENCH_BUILDER="podman") == expected
    assert chosen(podman, "buildkit", BUILDKIT_HOST=HOST) == expected
    assert chosen(podman, "buildkit", DOCKER_HOST=HOST) == expected
    assert chosen(podman, "buildkit", here=True) == "buildkit at unix:///dev/null: --backend requests it"
    assert chosen(podman, "", HOST, WORKBENCH_BUILDER="podman") == f"buildkit at {HOST}: --buildkit names it"


def test_then_the_variable(podman: bool) -> None:
    assert chosen(podman, WORKBENCH_BUILDER="podman", here=True) == "podman: WORKBENCH_BUILDER requests it"
    expected = f"buildkit at {HOST}: WORKBENCH_BUILDER requests it"
    assert chosen(podman, WORKBENCH_BUILDER="buildkit", BUILDKIT_HOST=HOST, DOCKER_HOST="unix:///a") == expected


@pytest.mark.parametrize(
    ("environment", "here", "without_podman"),
    [
        ({}, False, "WorkbenchError: there is neither podman nor a BuildKit here"),
        ({}, True, "buildkit at unix:///dev/null: podman is not installed, and its socket exists"),
        ({"BUILDKIT_HOST": HOST}, True, f"buildkit at {HOST}: podman is not installed, and BUILDKIT_HOST names it"),
        ({"DOCKER_HOST": HOST}, False, f"buildkit at {HOST}: podman is not installed, and DOCKER_HOST names it"),
    ],
)
def test_then_what_the_machine_has(podman: bool, environment: dict[str, str], here: bool, without_podman: str) -> None:
    choice = chosen(podman, here=here, **environment)
    assert choice == ("podman: it is installed" if podman else without_podman)


def test_what_cannot_be(podman: bool) -> None:
    assert chosen(podman, "buildkit") == "WorkbenchError: no BuildKit is known here"
    assert chosen(podman, "docker") == "WorkbenchError: no backend is named 'docker'"
    expected = "WorkbenchError: no backend (in WORKBENCH_BUILDER) is named 'buildkti'"
    assert chosen(podman, WORKBENCH_BUILDER="buildkti") == expected
    expected = "UsageError: podman is no BuildKit, and has no use for an address"
    assert chosen(podman, "podman", HOST) == expected
    assert chosen(podman, "podman", "", "/certificates") == expected


def test_certificates_are_those_of_the_flag_or_of_docker() -> None:
    docker = {"DOCKER_HOST": HOST, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/docker"}
    assert choose("buildkit", environment=docker).certificates == "/docker"
    assert choose("buildkit", "", "/own", environment=docker).certificates == "/own"
    assert choose("buildkit", "tcp://other:1", environment=docker).certificates == ""
    assert choose("buildkit", environment={**docker, "DOCKER_TLS_VERIFY": ""}).certificates == ""


def test_podman_takes_options_and_buildkit_none(dockerd: Dockerd) -> None:
    backend = open_backend(BuilderChoice("podman", "why"), ("--jobs=2",))
    assert isinstance(backend.builder, PodmanBuilder) and backend.store is PODMAN
    with pytest.raises(UsageError, match="--jobs=2 is an option of podman, and BuildKit builds"):
        open_backend(BuilderChoice("buildkit", "why", dockerd.address), ("--jobs=2",))


def test_a_docker_engine_keeps_its_images(dockerd: Dockerd) -> None:
    backend = open_backend(BuilderChoice("buildkit", "why", dockerd.address))
    assert isinstance(backend.builder, CarryingBuilder)
    assert backend.store.name == "the Docker Engine"


def test_a_socket_that_is_neither(short_path: Path) -> None:
    path = short_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        # Nobody listens: the file is left over from a daemon that is gone.
        with pytest.raises(WorkbenchError) as caught:
            open_backend(BuilderChoice("buildkit", "why", f"unix://{path}"))
    assert str(path) in caught.value.message
    with pytest.raises(UsageError, match="is no address of a BuildKit"):
        open_backend(BuilderChoice("buildkit", "why", "http://host"))


def test_who_builds_with_podman_loads_no_grpc() -> None:
    code = (
        "import sys\n"
        "from workbench.images.backend import choose, open_backend\n"
        "open_backend(choose('podman'))\n"
        "import workbench.images.run_build, workbench.verbs.build, workbench.attest.records\n"
        "print([name for name in ('grpc', 'google.protobuf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "[]\n"
