from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.engine import SHORT, Engine, free_port, search_path, wait_for
from tests.networks import remove_rules, session_number
from tests.replicasets.gpus import cdi_spec
from workbench.replicasets.engines import mounts
from workbench.replicasets.engines.podman import cgroups
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings

GPUS = 4
CDI = Path("/etc/cdi")


@dataclass
class Podman:
    """podman's API service on a socket of its own, and how to end and start it."""

    engine: Engine
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    kind: str = field(default_factory=lambda: f"wbi-{os.getpid()}.test/gpu")

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/podman.sock"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["podman", "system", "service", "--time=0", self.address],
                # A container that runs out of memory leaves a file `oom` in the folder that podman was started in.
                cwd=self.folder,
                # Where a killed one leaves half an image.
                env={**os.environ, **self.engine.env, "TMPDIR": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        client, deadline = PodmanEngine(self.address), time.monotonic() + 30
        while True:
            try:
                client.check()
            except ReplicaSetError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return client.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def podman_service(store: Engine) -> Iterator[Podman]:
    """podman's API on the session's store, with a CDI kind of fake GPUs that only this session has."""
    if not os.access(CDI if CDI.exists() else CDI.parent, os.W_OK):
        pytest.skip(f"{CDI} cannot be written to, and podman reads of GPUs nowhere else")
    folder = Path(tempfile.mkdtemp(prefix="workbench-podman-", dir=SHORT))
    podman = Podman(store, folder)
    spec = cdi_spec(CDI, podman.kind, GPUS)
    try:
        podman.start()
        yield podman
    finally:
        spec.unlink()
        podman.kill()
        shutil.rmtree(folder)


@pytest.fixture
def podman(podman_service: Podman) -> Iterator[Podman]:
    """podman's API; containers, volumes, networks, secrets and images that a test leaves are gone after it."""
    engine = podman_service.engine
    before, volumes = engine.names(), engine("volume", "ls", "--quiet").split()
    networks = engine("network", "ls", "--quiet").split()
    yield podman_service
    if podman_service.process is None or podman_service.process.poll() is not None:
        podman_service.start()
    # A podman that was killed takes some to be paused that are not, and could not end those.
    for line in engine("ps", "--all", "--filter=status=paused", "--format={{.Pid}}").splitlines():
        cgroups.freeze_again(int(line))
    engine("rm", "--all", "--force", "--time", "0")
    for name in sorted(engine.names() - before):
        engine.try_("rmi", "--force", name)
    for volume in set(engine("volume", "ls", "--quiet").split()) - set(volumes):
        engine("volume", "rm", volume)
    for network in set(engine("network", "ls", "--quiet").split()) - set(networks):
        bridge = engine("network", "inspect", "--format", "{{.NetworkInterface}}", network).strip()
        engine("network", "rm", network)
        remove_rules(bridge)
    for secret in engine("secret", "ls", "--quiet").split():
        engine("secret", "rm", secret)


@pytest.fixture(autouse=True)
def unmounted(tmp_path: Path) -> Iterator[None]:
    """What a test leaves mounted below its folder is unmounted after it: pytest removes the folder some time."""
    yield
    for folder in tmp_path.rglob("mounts"):
        for each in mounts.mounted(str(folder)):
            mounts.detach(each)


@pytest.fixture
def room(podman: Podman, tmp_path: Path) -> Iterator[Callable[..., ReplicaSets]]:
    """Makes services on real podman; each call one, with a store and volumes below the test's folder."""
    made: list[ReplicaSets] = []

    def make(**more: Any) -> ReplicaSets:  # noqa: ANN401
        made.append(ReplicaSets(Settings(**(given(podman, tmp_path) | more))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def given(podman: Podman, folder: Path) -> dict[str, Any]:
    """The settings of a room on that podman whose files are below `folder`."""
    # Below the ports that outgoing connections are given, and none of those of services with a pretended engine.
    first = 12000 + session_number() % 200 * 100
    first += 100 if first >= 20000 else 0
    return {
        "engine": podman.address,
        "engine_log": str(podman.folder / "log"),
        "store": str(folder / "store.db"),
        "roots": (str(folder / "shared"),),
        "first_port": first,
        "last_port": first + 99,
        "gpu_kind": podman.kind,
        "volumes": str(folder / "volumes"),
        "mounts": str(folder / "mounts"),
        "stop_seconds": 1,
    }


@pytest.fixture
def rs(room: Callable[..., ReplicaSets]) -> ReplicaSets:
    return room()


@dataclass
class Etcd:
    """An etcd-server on loopback, and how to end and start it."""

    folder: Path
    client: int = field(default_factory=free_port)
    peer: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"etcd://127.0.0.1:{self.client}"

    def start(self) -> None:
        client, peer = f"http://127.0.0.1:{self.client}", f"http://127.0.0.1:{self.peer}"
        command = ["etcd", "--name=n1", f"--data-dir={self.folder}/data", f"--initial-cluster=n1={peer}"]
        command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
        command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": search_path()},
            )
        wait_for(f"{client}/health", 30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    """An etcd that the session shares; each test takes a prefix of its own."""
    if shutil.which("etcd", path=search_path()) is None:
        pytest.skip("etcd-server not installed")
    folder = Path(tempfile.mkdtemp(prefix="workbench-etcd-", dir=SHORT))
    server = Etcd(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)
