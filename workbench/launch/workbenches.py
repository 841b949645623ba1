"""The workbenches in this user's podman: containers with our label, read back from podman alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.labels import OWN
from workbench.launch.names import PREFIX, container_name
from workbench.names import suggestion

# The container's label: the workbench's name.
LABEL = f"{OWN}.workbench"
# Where every IDE listens, and what its token is called in the container. Jupyter's server reads a name of its own
# (jupyter_server 2, ServerApp.token); the front of all others reads ours.
PORT = 8888
TOKEN, JUPYTER_TOKEN = "WORKBENCH_TOKEN", "JUPYTER_TOKEN"


@dataclass(frozen=True, slots=True)
class Workbench:
    """A workbench: its name, podman's word for its state, its image by name and id, its port (0 while it has none)
    on this machine, and its token.
    """

    name: str
    state: str
    image: str
    image_id: str
    port: int
    token: str

    @property
    def is_running(self) -> bool:
        """Whether its container runs."""
        return self.state == "running"

    @property
    def container(self) -> str:
        """The name of its container, and of its volume."""
        return container_name(self.name)

    @property
    def address(self) -> str:
        """The address to open in a browser, with its token; "" while it does not run."""
        if not self.is_running or not self.port:
            return ""
        return f"http://127.0.0.1:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {
            "name": self.name,
            "state": self.state,
            "address": self.address,
            "image": self.image,
            "container": self.container,
            "volume": self.container,
        }


def workbenches() -> list[Workbench]:
    """Return all workbenches, running or not, by name."""
    ids = podman.output("list containers", "ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
    return sorted((found for found in map(_inspect, ids) if found), key=lambda one: one.name)


def find(name: str) -> Workbench | None:
    """Return the workbench of this name, None when there is none."""
    return _inspect(container_name(name))


def required(name: str) -> Workbench:
    """Return the workbench of this name; raises WorkbenchError when there is none."""
    found = find(name)
    if found is None:
        raise WorkbenchError(
            f"no workbench is named {name!r}", hint=suggestion(name, [one.name for one in workbenches()])
        )
    return found


def _inspect(container: str) -> Workbench | None:
    done = podman.run("container", "inspect", "--", container)
    if done.code != 0:
        return None  # gone since it was listed
    (data,) = json.loads(done.out)
    config = data["Config"]
    name = (config.get("Labels") or {}).get(LABEL)
    if name is None:
        if not container.startswith(PREFIX):
            return None
        raise WorkbenchError(
            f"podman has a container {container} that is none of ours", hint="remove or rename it, or give --name"
        )
    variables = dict(pair.partition("=")[::2] for pair in config.get("Env") or ())
    return Workbench(
        name=name,
        state=data["State"]["Status"],
        image=data["ImageName"],
        image_id=f"sha256:{data['Image'].removeprefix('sha256:')}",
        port=_port(data),
        token=variables.get(TOKEN, ""),
    )


def _port(data: Mapping[str, Any]) -> int:
    bound = (data.get("HostConfig") or {}).get("PortBindings") or {}
    ports = [int(one["HostPort"]) for one in bound.get(f"{PORT}/tcp") or () if one.get("HostPort")]
    return ports[0] if ports else 0
