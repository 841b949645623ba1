"""A network for each owner: the sets of one reach one another, and no set of another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.replicasets.engines.capabilities import SeparatingNetworks
from workbench.replicasets.errors import Busy
from workbench.replicasets.images import component
from workbench.replicasets.world import World

_LABEL = "network"


@contextmanager
def joining(world: World, owner: str) -> Iterator[str]:
    """Yield the name of the owner's network, "" where the engine has none; it stays until the body is done.

    After that a container keeps it, running or not.
    """
    separating = world.engine.capability(SeparatingNetworks)
    if separating is None:
        yield ""
        return
    name = _name(world, owner)
    with world.locks.hold(f"network/{name}", world.settings.wait_seconds):
        separating.create_network(name, {world.label(_LABEL): owner})
        yield name


def leave(world: World, owner: str) -> None:
    """Remove the owner's network, unless a container is still on it."""
    _remove(world, _name(world, owner), world.settings.wait_seconds)


def keep_apart(world: World) -> None:
    """Put right what keeps the networks of owners apart: after a reboot, or when another program removed it."""
    if (separating := world.engine.capability(SeparatingNetworks)) is not None:
        separating.separate_networks()


def remove_unused(world: World) -> None:
    """Remove our networks that no container is on; those that a set is about to join stay."""
    separating = world.engine.capability(SeparatingNetworks)
    for name in separating.networks(world.label(_LABEL)) if separating is not None else ():
        try:
            _remove(world, name, 0)
        except Busy:
            continue


def _remove(world: World, name: str, seconds: float) -> None:
    if (separating := world.engine.capability(SeparatingNetworks)) is not None:
        with world.locks.hold(f"network/{name}", seconds):
            separating.remove_network(name)


def _name(world: World, owner: str) -> str:
    # Two services may share an engine: each has its own networks, by where its store is.
    store = hashlib.sha256(world.settings.store.encode()).hexdigest()[:6]
    return "-".join(filter(None, (world.settings.prefix, store, component(owner) if owner else "")))
