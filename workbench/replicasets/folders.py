"""The host's folders that a version binds: attached when its container is created, let go when that is removed."""

from __future__ import annotations

from workbench.replicasets.engines.capabilities import BindingFolders, require
from workbench.replicasets.errors import Conflict
from workbench.replicasets.records import JOURNAL, SETS, read_all, set_journal
from workbench.replicasets.roots import is_below
from workbench.replicasets.values import Bind, ReplicaSet, Version
from workbench.replicasets.world import World


def attach(world: World, version: Version) -> tuple[Bind, ...]:
    """Attach the folders that the version binds, as they are now; return its binds with them as sources.

    Raises Conflict for one that is gone, or that a link leads to.
    """
    return tuple(
        bind if bind.is_volume else Bind(_attached(world, version, number, bind), bind.dest, bind.read_only)
        for number, bind in enumerate(version.binds)
    )


def keep(world: World, version: Version) -> None:
    """Attach the folders of the version's container that are no longer attached: the machine was rebooted."""
    folders = [(number, bind) for number, bind in enumerate(version.binds) if not bind.is_volume]
    known = require(world.engine, BindingFolders).attached_folders() if folders else set()
    for number, bind in folders:
        if _name(version, number) not in known:
            _attached(world, version, number, bind)


def release(world: World, version: Version) -> None:
    """Let go of the folders that are attached for the version. A container that runs keeps them."""
    binding = world.engine.capability(BindingFolders)
    for number, bind in enumerate(version.binds):
        if not bind.is_volume and binding is not None:
            binding.detach_folder(_name(version, number))


def release_unused(world: World) -> list[str]:
    """Let go of the folders of sets that are gone or stopped, and of older versions; return a sentence for each."""
    binding = world.engine.capability(BindingFolders)
    attached = binding.attached_folders() if binding is not None else set()
    if not attached or binding is None:
        return []
    # In this order: what was attached above is of a set that has a journal, or is among the sets by now.
    busy = {key for key, _ in world.store.list(JOURNAL)}
    sets = read_all(world.store, ReplicaSet, SETS)
    if busy - {set_journal(each.name) for each in sets}:
        return []  # a set is being run, and only its plan has its id
    kept = tuple(
        f"{each.id}-" if set_journal(each.name) in busy else f"{each.id}-{each.current}-"
        for each in sets
        if each.state.holds or set_journal(each.name) in busy
    )
    unused = sorted(name for name in attached if not name.startswith(kept))
    for name in unused:
        binding.detach_folder(name)
    return [f"the folder {name} was attached for a set that does not run, and is let go" for name in unused]


def _attached(world: World, version: Version, number: int, bind: Bind) -> str:
    root = next((root for root in world.settings.roots if is_below(bind.src, root)), None)
    binding = require(world.engine, BindingFolders)
    source = binding.attach_folder(_name(version, number), root, bind.src) if root else ""
    if not source:
        raise Conflict(
            f"{bind.src} of the machine is no longer the folder that {version.set} was given",
            hint="put the folder back, or patch the bind",
        )
    return source


def _name(version: Version, number: int) -> str:
    return f"{version.id}-{version.number}-{number}"
