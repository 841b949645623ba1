"""Who may see and change what: its owner, and administrators; tokens of the role read see everything too."""

from __future__ import annotations

from collections.abc import Collection

from workbench.replicasets import checks
from workbench.replicasets.errors import Forbidden
from workbench.replicasets.records import (
    find_set,
    find_volume,
    no_set,
    no_volume,
    read,
    set_journal,
    set_key,
    volume_journal,
    volume_key,
)
from workbench.replicasets.saga import plan_at
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import Caller, ReplicaSet, Version, Volume


def own_set(store: StateStore, name: str, caller: Caller) -> ReplicaSet:
    """Return the set when `caller` may change it; raises NotFound, and Forbidden."""
    found = find_set(store, name, caller)
    _allow(caller, found.owner, f"the set {name}")
    return found


def own_volume(store: StateStore, name: str, caller: Caller) -> Volume:
    """Return the volume when `caller` may change it; raises NotFound, and Forbidden."""
    found = find_volume(store, name, caller)
    _allow(caller, found.owner, f"the volume {name}")
    return found


def look_for_set(store: StateStore, name: str, caller: Caller) -> None:
    """Raise NotFound for a set that is there, or is being run, and that `caller` may not see.

    To be called before waiting for what is being done to it, which is nothing that a stranger may know of.
    """
    if caller.may_see_all:
        return
    found: object = read(store, ReplicaSet, set_key(checks.set_name(name))) or plan_at(store, set_journal(name))
    if found is not None and not caller.may_see(getattr(found, "owner", "")):
        raise no_set(name)


def look_for_volume(store: StateStore, name: str, caller: Caller) -> None:
    """Raise NotFound for a volume that is there, or is being created, and that `caller` may not see."""
    if caller.may_see_all:
        return
    found: object = read(store, Volume, volume_key(checks.volume_name(name))) or plan_at(store, volume_journal(name))
    if found is not None and not caller.may_see(getattr(found, "owner", "")):
        raise no_volume(name)


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
