"""A process that does one operation and ends itself by SIGKILL at its n-th change of the cluster: the service crashes.

Started as `python -m tests.replicasets.engines.kubernetes.killed KUBECONFIG STORE OPERATION N`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.replicasets.engines.kubernetes.conftest import service
from tests.replicasets.engines.kubernetes.node import GPU, IMAGE
from tests.replicasets.killed import kill_at
from workbench.replicasets.engines.kubernetes.engine import KubernetesEngine
from workbench.replicasets.engines.kubernetes.http import KubernetesHttp
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets

OPERATIONS: dict[str, Callable[[ReplicaSets], object]] = {
    "run": lambda rs: rs.run(RunRequest(IMAGE, "bar", env=["A=1"], ports=["80"])),
    "patch": lambda rs: rs.patch("foo", PatchRequest(cpus=1, ports=["80"])),
    "rollback": lambda rs: rs.rollback("foo", 1),
    "stop": lambda rs: rs.stop("foo"),
    "delete": lambda rs: rs.delete("foo"),
}


def main(kubeconfig: str, store: str, operation: str, at: str) -> None:
    kill_at(KubernetesHttp, int(at))
    OPERATIONS[operation](service(KubernetesEngine(kubeconfig, "", GPU, 5), Path(store)))


if __name__ == "__main__":
    main(*sys.argv[1:])
