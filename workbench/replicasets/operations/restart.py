"""Restarting a set, running or stopped: the same again as a new version, with its disk, GPUs claimed afresh."""

from __future__ import annotations

from workbench.replicasets.operations.patch import Patch, patch
from workbench.replicasets.values import Actor, Quota, Version
from workbench.replicasets.world import World


def restart(world: World, name: str, quota: Quota | None = None, actor: Actor | None = None) -> Version:
    """See ReplicaSets.restart."""
    return patch(world, name, Patch(), quota, actor)
