"""Who uses a volume, and how much of them an owner has: counted and claimed in the step that begins the operation.

The journal of a volume that is being created or resized is its claim; a ledger makes those who begin at
once see one another. So what was never finished counts no more once its journal is settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.replicasets.claims import check_quota
from workbench.replicasets.codec import decode
from workbench.replicasets.codes import Code
from workbench.replicasets.containers import ID, SPEC
from workbench.replicasets.errors import Exhausted
from workbench.replicasets.records import JOURNAL, VOLUMES, read_all
from workbench.replicasets.saga import SAGAS, Journal
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.values import Quota, Version, Volume
from workbench.replicasets.world import World

LEDGER = "meta/volumes"


@dataclass(frozen=True, slots=True)
class VolumeResizePlan:
    """The plan of a resize."""

    old: Volume
    new: Volume


def claim_volume(store: StateStore, wanted: Volume, quota: Quota) -> Changes:
    """Return the change that claims what `wanted` takes; raises Exhausted when its owner may not have that much."""
    ledger = store.get(LEDGER)
    count, size = volumes_used(store, wanted.owner, wanted)
    check_quota("volumes", count, quota.volumes)
    if quota.disk is not None and not wanted.size:
        raise Exhausted("a size is needed: the sizes of your volumes are counted", Code.QUOTA, hint="such as 20GB")
    check_quota("in volumes", size, quota.disk, bytes_=True)
    return Changes({LEDGER: ledger.revision if ledger else 0}, {LEDGER: ""})


def volumes_used(store: StateStore, owner: str, besides: Volume | None = None) -> tuple[int, int]:
    """Return how many volumes an owner has, `besides` too, and their bytes; of one being resized the larger size."""
    sizes: dict[str, int] = {}
    # In this order: what is in the journal is so until the moment that it is among the volumes.
    known = [*_begun(store), *read_all(store, Volume, VOLUMES), *([besides] if besides else [])]
    for each in known:
        if each.owner == owner:
            sizes[each.id] = max(each.size, sizes.get(each.id, 0))
    return len(sizes), sum(sizes.values())


def users(world: World, name: str, *, alive: bool = False) -> list[str]:
    """Return the containers that bind the volume (with `alive`: those with processes), and sets being worked on."""
    found = []
    for container in world.engine.containers(world.label(ID)):
        text = container.labels.get(world.label(SPEC), "")
        version = decode(Version, text) if text else None
        if (
            version is not None
            and any(bind.src == name for bind in version.binds)
            and (container.is_alive or not alive)
        ):
            found.append(container.name)
    for key, entry in world.store.list(f"{JOURNAL}set/"):
        # Its plan holds the version in JSON; a name cannot hold a quotation mark.
        if f'"src":"{name}"' in decode(Journal, entry.value).plan:
            found.append(key.rpartition("/")[2])
    return sorted(set(found))


def _begun(store: StateStore) -> Iterator[Volume]:
    for _, entry in store.list(f"{JOURNAL}volume/"):
        journal = decode(Journal, entry.value)
        plan = decode(SAGAS[journal.operation].plan, journal.plan)
        yield from (plan.old, plan.new) if isinstance(plan, VolumeResizePlan) else (plan,)
