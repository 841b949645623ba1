"""A process that does one operation and ends itself by SIGKILL at its n-th call of podman: a crash of the service.

Started as `python -m tests.replicasets.killed SETTINGS OPERATION N`, SETTINGS as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from tests.engine import TINY
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.requests import PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings

# TINY with one file more.
NEWER = "localhost/tiny:2"


def operate(rs: ReplicaSets, operation: str) -> None:
    """Do the operation of that name on the set foo, or run the set new."""
    if operation == "run":
        rs.run(RunRequest(TINY, "new", gpus=1, ports=["80"], env=["KEY=secret"]))
    elif operation == "patch":
        rs.patch("foo", PatchRequest(gpus=2))
    elif operation == "rollback":
        rs.rollback("foo", 1)
    elif operation == "upgrade":
        rs.upgrade("foo", UpgradeRequest(NEWER, "mine"))
    elif operation == "stop":
        rs.stop("foo")
    elif operation == "prune":
        rs.prune("foo", 1)
    elif operation == "limit":
        rs.patch("foo", PatchRequest(memory="64MB"))
    elif operation == "delete":
        rs.delete("foo")
    else:
        raise ValueError(operation)


def kill_at(http: type[Any], left: int) -> None:
    """Kill this process when the `left`-th call by `http` that changes something has been answered."""
    original = http.call

    def call(self: object, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        nonlocal left
        done = original(self, method, *args, **kwargs)
        left -= method != "GET"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    http.call = call


def main() -> None:
    given: dict[str, Any] = json.loads(sys.argv[1])
    given["roots"] = tuple(given["roots"])
    kill_at(PodmanHttp, int(sys.argv[3]))
    operate(ReplicaSets(Settings(**given)), sys.argv[2])


if __name__ == "__main__":
    main()
