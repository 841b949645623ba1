"""Who uses a volume."""

from __future__ import annotations

from workbench.replicasets.codec import decode
from workbench.replicasets.containers import ID, SPEC
from workbench.replicasets.records import JOURNAL
from workbench.replicasets.saga import Journal
from workbench.replicasets.values import Version
from workbench.replicasets.world import World


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
