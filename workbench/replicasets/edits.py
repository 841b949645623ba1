"""What was edited in files that an engine writes anew for each start (/etc/hosts, …): it is kept, or that is noted."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workbench.replicasets.engines.capabilities import KeepingEdits
from workbench.replicasets.records import edits_key
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Version
from workbench.replicasets.world import World

Edits = dict[str, str | None]


def edits_of(world: World, version: Version) -> Edits:
    """Return what was edited in a version: the text by path, None for what cannot be read."""
    keeping = world.engine.capability(KeepingEdits)
    if keeping is None:
        return {}
    entry = world.store.get(edits_key(version.id, version.number))
    saved: Edits = json.loads(entry.value) if entry is not None else {}
    return saved | keeping.edited_files(version.container)


def save_edits(world: World, version: Version) -> Changes:
    """Return the changes that record what was edited in a version, for when its container is gone."""
    found = {path: text for path, text in edits_of(world, version).items() if text is not None}
    key = edits_key(version.id, version.number)
    return Changes(puts={key: json.dumps(found)}) if found else Changes()


def lost(edits: Mapping[str, str | None]) -> list[str]:
    """Return a note for each edited file that cannot be kept."""
    return [
        f"edits of {path} are lost: the service cannot read podman's files, or it is too large"
        for path, text in sorted(edits.items())
        if text is None
    ]


def start(world: World, container: str, edits: Mapping[str, str | None]) -> None:
    """Start a container, with what was edited in an earlier one, or in itself before."""
    files = {path: text for path, text in edits.items() if text is not None}
    keeping = world.engine.capability(KeepingEdits)
    if files and keeping is not None:
        keeping.start_edited(container, files)
    else:
        world.engine.start(container)
