"""The service killed -9 in the middle of operations: another one settles what it began."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest

from tests.replicasets.engines.kubernetes.conftest import World
from tests.replicasets.engines.kubernetes.killed import OPERATIONS
from tests.replicasets.engines.kubernetes.node import IMAGE
from tests.replicasets.engines.kubernetes.whole import check_whole
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import State

# The most that one operation changes: beyond that it ends before it is killed.
_MOST = 8


@pytest.mark.parametrize("rounds", [pytest.param(20, marks=pytest.mark.slow)])
def test_a_service_that_is_killed(world: World, rounds: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, killed = random.Random(seed), 0
    for _ in range(rounds):
        for name in {"foo"} - {each.name for each in world.rs.sets()}:
            world.rs.run(RunRequest(IMAGE, name, gpus=1))
            world.rs.restart(name)
        operation, at = chance.choice(list(OPERATIONS)), chance.randint(1, _MOST)
        command = [sys.executable, "-m", "tests.replicasets.engines.kubernetes.killed", world.kubeconfig]
        done = subprocess.run([*command, str(world.folder / "store.db"), operation, str(at)], check=False)
        assert done.returncode in (0, -signal.SIGKILL)
        killed += done.returncode != 0
        world.rs.reconcile()
        check_whole(world)
        for each in world.rs.sets():
            if each.name == "bar":
                world.rs.delete("bar")
            elif each.state is not State.RUNNING:
                world.rs.restart("foo")
    assert killed > rounds // 4
