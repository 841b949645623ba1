"""A process that does one operation at a time in a child of its own, which may be killed at any moment.

Started as `python -m tests.replicasets.fuzzed SETTINGS`. Each line of its input is an operation as JSON: its name, the
words for it, and `calls` or `seconds` until the child is killed (0: never). It prints a line for each: killed, done, or
the error.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from typing import Any

from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.requests import PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings


def operate(rs: ReplicaSets, operation: str, name: str, words: dict[str, Any]) -> None:
    """Do an operation on the set of that name."""
    if operation == "run":
        rs.run(RunRequest(words.pop("image"), name, **words))
    elif operation == "patch":
        rs.patch(name, PatchRequest(**words))
    elif operation == "upgrade":
        rs.upgrade(name, UpgradeRequest(**words))
    else:
        getattr(rs, operation)(name, *words.values())


def _counting(left: int) -> None:
    """Kill this process after so many calls of podman, half of the time before the last one is sent."""
    original, calls = PodmanHttp.call, [left]

    def call(self: PodmanHttp, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        calls[0] -= 1
        if calls[0] == 0 and left % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        done = original(self, *args, **kwargs)
        if calls[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    PodmanHttp.call = call  # type: ignore[method-assign]


def _child(settings: Settings, request: dict[str, Any], reply: int) -> None:
    if request["calls"]:
        _counting(request["calls"])
    try:
        operate(ReplicaSets(settings), request["operation"], request["name"], request["words"])
        result = "done"
    except ReplicaSetError as error:
        result = f"{type(error).__name__}: {error.message}"
    except BaseException:
        result = f"bug: {traceback.format_exc()}"
    os.write(reply, result.encode()[-4000:])


def main() -> None:
    given: dict[str, Any] = json.loads(sys.argv[1])
    settings = Settings(**{**given, "roots": tuple(given["roots"])})
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(settings, request, writing)
            os._exit(0)
        os.close(writing)
        if request["seconds"] and not select.select([reading], [], [], request["seconds"])[0]:
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reading) as file:
            result = file.read()
        _, status = os.waitpid(child, 0)
        print(json.dumps("killed" if os.WIFSIGNALED(status) else result), flush=True)


if __name__ == "__main__":
    main()
