"""A process that does one operation and ends itself by SIGKILL at its n-th change of the cluster: the service crashes.

Started as `python -m tests.replicasets.engines.kubernetes.killed KUBECONFIG STORE OPERATION N`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.replicasets.engines.kubernetes.conftest import service
from tests.replicasets.engines.kubernetes.node import GPU, IMAGE
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
    left = int(at)
    original = KubernetesHttp.call

    def call(self: KubernetesHttp, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        nonlocal left
        done = original(self, method, *args, **kwargs)
        left -= method != "GET"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    KubernetesHttp.call = call  # type: ignore[method-assign]
    OPERATIONS[operation](service(KubernetesEngine(kubeconfig, "", GPU, 5), Path(store)))


if __name__ == "__main__":
    main(*sys.argv[1:])
