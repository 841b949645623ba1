"""The engine on an API server of the test's own: every operation, and a node that is played."""

from __future__ import annotations

import pytest

from tests.kubernetes.pod_security import faults
from tests.replicasets.engines.kubernetes import contract
from tests.replicasets.engines.kubernetes.conftest import World
from tests.replicasets.engines.kubernetes.node import GPU, IMAGE
from workbench.replicasets.errors import EngineError
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Bind


def _read(world: World) -> contract.Read:
    return lambda kind: list(world.server.objects.get(kind, {}).values())


def _drop(world: World, name: str) -> None:
    with world.server.lock:
        world.server.delete("pods", name, {"gracePeriodSeconds": 0})


def test_versions(world: World) -> None:
    contract.versions(world.rs, _read(world), lambda: world.another("empty.db"))


def test_options(world: World) -> None:
    contract.options(world.rs, _read(world))


def test_refusals(world: World) -> None:
    contract.refusals(world.rs)


def test_places(world: World) -> None:
    contract.places(world.rs, world.node)


def test_ends(world: World) -> None:
    contract.ends(world.rs, world.pod, lambda name: _drop(world, name))


def test_watches(world: World) -> None:
    contract.watches(world.rs, world.pod)


def test_a_pod_that_restricted_admits(world: World) -> None:
    world.rs.create_volume("data", "1GB")
    world.rs.run(RunRequest(IMAGE, "foo", binds=[Bind("data", "/data")], gpus=1, shm="64MB"))
    spec = world.server.objects["pods"]["foo-1"]["spec"]
    assert faults(spec) == []
    assert spec["containers"][0]["resources"]["limits"] == {GPU: "1"}
    # The device plugin sets it: ours would take the GPUs away again.
    assert not any(each["name"] == "NVIDIA_VISIBLE_DEVICES" for each in spec["containers"][0]["env"])


def test_a_volume_that_grows(world: World) -> None:
    world.rs.create_volume("data", "1GB")
    assert world.rs.resize_volume("data", "2GB").version == 2
    world.server.fault = lambda method, path: 422 if method == "PATCH" else None
    with pytest.raises(EngineError, match="it is a test"):
        world.rs.resize_volume("data", "3GB")
    world.server.fault = lambda method, path: None
    assert world.rs.reconcile() == [] and world.rs.volume("data").size == 2 << 30
    found = world.another("empty.db")
    found.reconcile()
    assert (found.volume("data").size, found.volume("data").version) == (2 << 30, 2)


def test_looking_at_all_sets_takes_as_many_requests_as_looking_at_one(world: World) -> None:
    counts = []
    for name in ("foo", "bar", "baz"):
        world.rs.run(RunRequest(IMAGE, name))
        begin = len(world.server.requests)
        world.rs.reconcile()
        counts.append(len(world.server.requests) - begin)
    assert counts[0] == counts[-1] < 20
