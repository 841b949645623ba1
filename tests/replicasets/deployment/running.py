"""The service as it is deployed: a process under the unit's terms, or a container under those of the compose file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.catalogues import REPOSITORY
from tests.engine import Engine
from tests.replicasets.conftest import Podman, given

COMPOSE = REPOSITORY / "service/compose.yaml"
UNIT = REPOSITORY / "service/workbench.service"


@dataclass
class Asked:
    """A service that answers, asked as a client asks."""

    http: httpx.Client

    def __call__(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        response = self.http.request(method, f"/api/v1{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def sh(self, name: str, script: str) -> str:
        done = self("POST", f"/replicaSet/{name}/execute", {"cmd": ["sh", "-c", script]})
        assert done["exitCode"] == 0, done
        return str(done["stdout"])

    def run(self, image: str, **more: object) -> None:
        self("POST", "/replicaSet", {"imageName": image, "replicaSetName": "foo", **more})


@contextmanager
def asked(address: str, state: Path) -> Iterator[Asked]:
    """Yield the service at `address`, asked with the token that it made."""
    token = (state / "operate.token").read_text().strip()
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
        yield Asked(client)


def flags(podman: Podman, folder: Path) -> list[str]:
    """What a service of this session is given: its own podman, state, GPUs and ports."""
    known = given(podman, folder)
    return [
        *("serve", "--port", "0", "--state", str(folder / "state"), "--engine", podman.address),
        *("--gpu-kind", podman.kind, "--ports", f"{known['first_port']}-{known['last_port']}"),
    ]


def unit() -> dict[str, str]:
    """The settings of the unit by their names."""
    lines = UNIT.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match("[A-Z][A-Za-z]+=", line))


@contextmanager
def under(terms: Sequence[str], podman: Podman, folder: Path) -> Iterator[Asked]:
    """Yield the service, started by the command `terms` (setpriv)."""
    command = [*terms, sys.executable, str(REPOSITORY / "wizard.py"), *flags(podman, folder)]
    process = subprocess.Popen(command, env={**os.environ, **podman.engine.env}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        with asked(process.stdout.readline().strip(), folder / "state") as service:
            yield service
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()


def podman_run(podman: Podman, folder: Path, name: str, image: str, more: Sequence[str] = ()) -> list[str]:
    """What `podman run` is told that does what the compose file says, with this session's places for the host's."""
    service = yaml.safe_load(COMPOSE.read_text())["services"]["service"]
    places = {
        "/run/podman": str(podman.folder),
        "/var/lib/workbench": str(folder / "state"),
        "/srv/shared": str(folder / "shared"),
        "/etc/cdi": "/etc/cdi",
    }
    told = ["--detach", f"--name={name}", f"--network={service.pop('network_mode')}", f"--pid={service.pop('pid')}"]
    told += ["--privileged"] * service.pop("privileged")
    told += [f"--restart={service.pop('restart')}", f"--stop-timeout={service.pop('stop_grace_period').rstrip('s')}"]
    for volume in service.pop("volumes"):
        source, target, *options = volume.split(":")
        assert source == target, "paths are the same on both sides"
        Path(places[source]).mkdir(exist_ok=True)
        told.append(f"--volume={':'.join([places[source], places[target], *options])}")
    command = service.pop("command")
    assert command[:3] == ["serve", "--engine", "unix:///run/podman/podman.sock"]
    assert command[3:] == ["--root", "/srv/shared"]
    assert set(service) == {"image"}, "all of the file is heeded"
    return ["run", *told, *more, image, *flags(podman, folder), "--root", str(folder / "shared")]


def address(engine: Engine, name: str, nth: int = 1) -> str:
    """Return the address that a service's container printed when it was started for the `nth` time."""
    deadline = time.monotonic() + 60
    while True:
        said = engine.try_("logs", name)
        found = re.findall(rb"^http://\S+", said.stdout, re.MULTILINE)
        if len(found) >= nth:
            return str(found[nth - 1].decode())
        state = engine("inspect", "--format", "{{.State.Status}}", name)
        assert state == "running" and time.monotonic() < deadline, (said.stdout + said.stderr).decode()
        time.sleep(0.1)
