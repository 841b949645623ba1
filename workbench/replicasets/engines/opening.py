"""The one place where the engine is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.replicasets.engines.protocol import Engine, EngineService
from workbench.replicasets.errors import Invalid


def open_engine(address: str, gpu_kind: str, cdi: Sequence[str], mounts: str, log: str = "") -> Engine:
    """Return the engine at `address` (`unix:///run/podman/podman.sock`); no request is sent to it yet.

    `gpu_kind` is the CDI kind of its GPUs, `cdi` the folders of their specs; `mounts` is where
    bound folders are mounted, `log` the file of its log ("": not known). Raises Invalid for any other address.
    """
    if not address.startswith("unix:///"):
        raise Invalid(f"{address!r} is not the address of an engine", hint="write unix:///run/podman/podman.sock")
    from workbench.replicasets.engines.podman.engine import PodmanEngine

    return PodmanEngine(address, gpu_kind, cdi, mounts, log)


def engine_service(folder: str) -> EngineService:
    """Return the engine that `serve` starts itself when it is given no address; `folder` holds its socket and log."""
    from workbench.replicasets.engines.podman.service import PodmanService

    return PodmanService(folder)
