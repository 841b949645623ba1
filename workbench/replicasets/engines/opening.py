"""The one place where the engine is chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from workbench.replicasets.engines.protocol import Engine, EngineService
from workbench.replicasets.errors import Invalid

_KUBERNETES = "kubernetes:"


def open_engine(address: str, gpu_kind: str, cdi: Sequence[str], mounts: str, log: str = "") -> Engine:
    """Return the engine at `address` (`unix:///run/podman/podman.sock`); no request is sent to it yet.

    `gpu_kind` is the CDI kind of its GPUs, `cdi` the folders of their specs; `mounts` is where
    bound folders are mounted, `log` the file of its log ("": not known). `kubernetes_address` makes the address of a
    cluster, where `gpu_kind` is the resource that GPUs are. Raises Invalid for any other address.
    """
    if address.startswith(_KUBERNETES):
        from workbench.replicasets.engines.kubernetes.engine import KubernetesEngine
        from workbench.replicasets.engines.kubernetes.placing import Placing

        kubeconfig, namespace, placing = json.loads(address.removeprefix(_KUBERNETES))
        return KubernetesEngine(kubeconfig, namespace, gpu_kind, placing=Placing(**placing))
    if not address.startswith("unix:///"):
        raise Invalid(f"{address!r} is not the address of an engine", hint="write unix:///run/podman/podman.sock")
    from workbench.replicasets.engines.podman.engine import PodmanEngine

    return PodmanEngine(address, gpu_kind, cdi, mounts, log)


def kubernetes_address(kubeconfig: str, namespace: str, placing: Mapping[str, object] | None = None) -> str:
    """Return the address of a cluster; "" for the kubeconfig and the namespace that are found by themselves.

    `placing` has fields of Placing by name: what Pods and claims have in this cluster beside what a version says.
    """
    return _KUBERNETES + json.dumps([kubeconfig, namespace, placing or {}])


def engine_service(folder: str) -> EngineService:
    """Return the engine that `serve` starts itself when it is given no address; `folder` holds its socket and log."""
    from workbench.replicasets.engines.podman.service import PodmanService

    return PodmanService(folder)
