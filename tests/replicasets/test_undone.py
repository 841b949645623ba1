"""What a replacement that is undone leaves running, on real podman."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from tests.replicasets.conftest import Podman
from tests.replicasets.test_fuzz import operating
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets

# Takes its time to end, and shows that it has begun to.
SLOW = ("sh", "-c", "trap 'touch /ending; sleep 4; exit 0' TERM; while :; do usleep 50000; done")


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", "commit"])
def test_a_set_runs_on_whose_service_is_killed_while_its_version_ends(
    carry: str, room: Callable[..., ReplicaSets], podman: Podman, tmp_path: Path
) -> None:
    """podman goes on with the end that it was given: what is started again must not be what it ends."""
    rs = room(carry=carry)
    rs.run(RunRequest(TINY, "foo", command=SLOW, grace=30))
    before = podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1")
    with operating(podman, tmp_path, carry) as process:
        assert process.stdin is not None and process.stdout is not None
        request = {"operation": "patch", "name": "foo", "words": {}, "calls": 0, "seconds": 0}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not Path(f"/proc/{before}/root/ending").exists():
            assert time.monotonic() < deadline, "it was never ended"
            time.sleep(0.01)
        child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(child), signal.SIGKILL)
        assert json.loads(process.stdout.readline()) == "killed"
    while rs.reconcile():
        assert time.monotonic() < deadline
    assert rs.info("foo").version.number == 1
    # As long as the first request could have taken.
    until = time.monotonic() + 6
    while time.monotonic() < until:
        assert rs.info("foo").live == "running"
        time.sleep(0.2)
    assert podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1") != before
