"""Who may change what: the token that made it, and those of the role admin. All tokens may look."""

from __future__ import annotations

from collections.abc import Collection

from workbench.replicasets.errors import Forbidden
from workbench.replicasets.records import find_set, find_volume
from workbench.replicasets.stores.protocol import Store
from workbench.replicasets.values import Actor, ReplicaSet, Version, Volume


def may(actor: Actor | None, owner: str) -> bool:
    """Return whether `actor` may change what is `owner`'s; None is the program itself, which may.

    What has no owner was made past the service, or before there were owners: it is an administrator's.
    """
    return actor is None or actor.admin or (owner != "" and actor.name == owner)


def own_set(store: Store, name: str, actor: Actor | None) -> ReplicaSet:
    """Return the set when `actor` may change it; raises NotFound, and Forbidden."""
    found = find_set(store, name)
    _allow(actor, found.owner, f"the set {name}")
    return found


def own_volume(store: Store, name: str, actor: Actor | None) -> Volume:
    """Return the volume when `actor` may change it; raises NotFound, and Forbidden."""
    found = find_volume(store, name)
    _allow(actor, found.owner, f"the volume {name}")
    return found


def own_binds(store: Store, version: Version, actor: Actor | None, kept: Collection[str] = ()) -> None:
    """Raise Forbidden when the version binds a volume that `actor` may not change; those `kept` are bound already."""
    for bind in version.binds:
        if bind.is_volume and bind.src not in kept:
            own_volume(store, bind.src, actor)


def volumes_of(version: Version) -> frozenset[str]:
    """Return the names of the volumes that a version binds."""
    return frozenset(bind.src for bind in version.binds if bind.is_volume)


def _allow(actor: Actor | None, owner: str, what: str) -> None:
    if not may(actor, owner):
        whose = f"belongs to {owner}" if owner else "has no owner"
        asked = f"ask {owner}, or use" if owner else "use"
        raise Forbidden(f"{what} {whose}", hint=f"{asked} a token with the role admin")
