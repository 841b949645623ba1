"""Going back to an older version: its settings and its disk, as a new version. The current one is kept too."""

from __future__ import annotations

from dataclasses import replace

from workbench.replicasets import checks, claims
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid
from workbench.replicasets.operations.replace import next_version, replace_version
from workbench.replicasets.records import find_version, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import exclusive
from workbench.replicasets.values import Caller, Version
from workbench.replicasets.world import World


def rollback(world: World, name: str, number: int, caller: Caller, grace: int | None) -> Version:
    """See ReplicaSets.rollback."""
    checks.set_name(name)
    checks.grace(grace)
    if number < 0:
        raise Invalid("the version is negative", Code.VERSION_NEGATIVE)
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        if number == current.current:
            raise Invalid(f"{name} is at version {number} already", Code.VERSION_SAME)
        target = find_version(world.store, current, number)
        taken = claims.read_ledger(world.store).of("port")
        # Its host ports come back, but for those that another set was given meanwhile.
        ports = tuple(
            replace(port, host=0)
            if (held := taken.get(f"{port.host}-{port.protocol}")) and held.id != current.id
            else port
            for port in target.ports
        )
        new = next_version(world, current, replace(target, ports=ports), number)
        return replace_version(world, current, new, len(target.gpus), target, caller, grace)
