"""Running a new set: its first version, on the disk of an image."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from workbench.replicasets import checks, claims, containers
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, NotFound
from workbench.replicasets.records import put_set, put_version, set_journal, set_key
from workbench.replicasets.rights import own_binds
from workbench.replicasets.saga import Saga, Step, alone, carry_out, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Actor, Bind, Quota, ReplicaSet, Version
from workbench.replicasets.world import World


def _create(world: World, version: Version) -> None:
    containers.create(world, version, version.image)


def _start(world: World, version: Version) -> None:
    containers.start(world, version)


def _undone(world: World, version: Version) -> Changes:
    return claims.leave(claims.held(world.store), version.id)


def _done(world: World, version: Version) -> Changes:
    made = ReplicaSet(version.set, version.id, version.created, version.number, owner=version.owner)
    return put_set(made) | put_version(version)


RUN = saga(
    Saga(
        "run",
        Version,
        (Step("create", _create, containers.remove), Step("start", _start)),
        point=2,
        undone=_undone,
        done=_done,
    )
)


def run(
    world: World,
    image: str,
    name: str,
    gpus: int = 0,
    binds: Sequence[Bind] = (),
    env: Sequence[str] = (),
    command: Sequence[str] = (),
    ports: Sequence[str] = (),
    cpus: float = 0,
    memory: str = "",
    owner: str = "",
    quota: Quota | None = None,
    actor: Actor | None = None,
) -> Version:
    """See ReplicaSets.run."""
    version = Version(
        set=checks.set_name(name),
        id=uuid.uuid4().hex,
        number=1,
        created=world.now(),
        image=checks.image(image),
        binds=checks.binds(binds, world.settings.roots),
        env=checks.variables(env),
        command=checks.command(command),
        ports=checks.container_ports(ports),
        cpus=checks.thousandths(cpus),
        memory=checks.memory(memory),
        owner=owner,
    )
    containers.check_capabilities(world, version, checks.count(gpus))

    def prepare() -> tuple[Version, Changes]:
        if world.store.get(set_key(name)) is not None:
            raise Conflict(f"there is a set {name} already", Code.EXISTS, hint="choose another name, or delete it")
        volumes = containers.check_volumes(world, version)
        own_binds(world.store, version, actor)
        held = claims.held(world.store)
        plan, reserved = claims.claim(held, world.machine(gpus > 0), version, gpus, quota)
        return plan, Changes({set_key(name): 0}) | volumes | reserved

    if world.engine.image(image) is None:
        raise NotFound(f"the engine has no image {image}", hint=f"build it, or `{world.engine.pull_command(image)}`")
    with alone(world, set_journal(name)):
        return carry_out(world, RUN, set_journal(name), prepare)
