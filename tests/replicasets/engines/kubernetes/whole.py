"""What holds after an operation, however it ended."""

from __future__ import annotations

from tests.replicasets.engines.kubernetes.conftest import World
from workbench.replicasets.values import State


def check_whole(world: World) -> None:
    """Hold what is in the cluster to what is in the store."""
    rs, objects = world.rs, world.server.objects
    versions = {f"{each.name}-{version.number}" for each in rs.sets() for version in rs.history(each.name)}
    assert set(objects["podtemplates"]) == set(objects["secrets"]) == versions
    running = {f"{each.name}-{each.current}" for each in rs.sets() if each.state is State.RUNNING}
    assert {name for name, pod in objects["pods"].items() if "deletionTimestamp" not in pod["metadata"]} == running
    assert set(rs.resources().of("gpu")) == ({"0"} if any(each.startswith("foo-") for each in running) else set())
    assert rs.reconcile() == [] and rs.reconciled is not None and rs.reconciled.problems == ()
