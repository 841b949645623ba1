"""Resizing a volume in its place. No data is moved or removed before what takes its place was checked."""

from __future__ import annotations

from workbench.replicasets import checks
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, Invalid, Unsupported
from workbench.replicasets.operations.volume_quota import Resizing, claim_volume
from workbench.replicasets.operations.volume_use import users
from workbench.replicasets.records import put_volume, volume_journal
from workbench.replicasets.rights import own_volume
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, Quota, Volume
from workbench.replicasets.volumes.drivers import driver_of
from workbench.replicasets.volumes.labels import volume_resized
from workbench.replicasets.world import World


def _prepare(world: World, plan: Resizing) -> None:
    driver = driver_of(plan.old.driver)
    # Asked only now: no set that binds it can begin anything while our journal stands.
    if not driver.live and (busy := users(world, plan.old.name, alive=True)):
        raise Conflict(f"{plan.old.name} is in use by {', '.join(busy)}", hint="stop them, resize, restart them")
    driver.prepare(world.settings.volumes, plan.old, plan.new.size)


def _discard(world: World, plan: Resizing) -> None:
    driver_of(plan.old.driver).discard(world.settings.volumes, plan.old)


def _apply(world: World, plan: Resizing) -> None:
    driver_of(plan.old.driver).apply(world.settings.volumes, plan.old, plan.new.size)


def _done(world: World, plan: Resizing) -> Changes:
    return put_volume(plan.new)


RESIZE = saga(
    Saga("resize volume", Resizing, (Step("prepare", _prepare, _discard), Step("apply", _apply)), point=1, done=_done)
)


def resize_volume(world: World, name: str, size: str, quota: Quota | None = None, actor: Actor | None = None) -> Volume:
    """See ReplicaSets.resize_volume."""
    checks.volume_name(name)
    bytes_ = checks.size(size)
    with alone(world, volume_journal(name)):
        old = own_volume(world.store, name, actor)
        if old.size == bytes_:
            raise Invalid(f"{name} has that size already", Code.VOLUME_SAME_SIZE)
        if not old.size:
            raise Invalid(f"{name} was created without a size, and has none to change", hint="create a sized volume")
        if bytes_ < old.size and not driver_of(old.driver).shrinks:
            raise Unsupported(f"volumes of {old.driver} cannot be made smaller", hint="create a smaller one, and copy")
        plan = Resizing(old, volume_resized(old, bytes_))
        # Less is never too much, even for who has more than is allowed.
        most = quota if bytes_ > old.size else None
        return carry_out(
            world, RESIZE, volume_journal(name), lambda: (plan, claim_volume(world.store, plan.new, most))
        ).new
