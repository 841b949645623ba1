"""Who may change what: its owner, and administrators. All tokens may read."""

from __future__ import annotations

from collections.abc import Collection

from workbench.replicasets.errors import Forbidden
from workbench.replicasets.records import find_set, find_volume
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import Caller, ReplicaSet, Version, Volume


def own_set(store: StateStore, name: str, caller: Caller) -> ReplicaSet:
    """Return the set when `caller` may change it; raises NotFound, and Forbidden."""
    found = find_set(store, name)
    _allow(caller, found.owner, f"the set {name}")
    return found


def own_volume(store: StateStore, name: str, caller: Caller) -> Volume:
    """Return the volume when `caller` may change it; raises NotFound, and Forbidden."""
    found = find_volume(store, name)
    _allow(caller, found.owner, f"the volume {name}")
    return found


def own_binds(store: StateStore, version: Version, caller: Caller, kept: Collection[str] = ()) -> None:
    """Raise Forbidden when the version binds a volume that `caller` may not change; those `kept` are bound already."""
    for bind in version.binds:
        if bind.is_volume and bind.src not in kept:
            own_volume(store, bind.src, caller)


def volumes_of(version: Version) -> frozenset[str]:
    """Return the names of the volumes that a version binds."""
    return frozenset(bind.src for bind in version.binds if bind.is_volume)


def _allow(caller: Caller, owner: str, what: str) -> None:
    if not caller.may_change(owner):
        whose = f"belongs to {owner}" if owner else "has no owner"
        advice = f"ask {owner}, or use" if owner else "use"
        raise Forbidden(f"{what} {whose}", hint=f"{advice} a token with the role admin")
