"""Running a new set: its first version, on the disk of an image."""

from __future__ import annotations

import uuid
from dataclasses import replace

from workbench.replicasets import checks, claims, containers, images
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, about
from workbench.replicasets.leftovers import discard
from workbench.replicasets.observe import started
from workbench.replicasets.operations import reach
from workbench.replicasets.options import parsed
from workbench.replicasets.records import put_set, put_version, set_journal, set_key
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.rights import own_binds
from workbench.replicasets.saga import Saga, SagaStep, carry_out, exclusive, saga
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Caller, ReplicaSet, Version
from workbench.replicasets.world import World


def _create(world: World, version: Version) -> None:
    containers.create(world, version, version.image_id)


def _start(world: World, version: Version) -> None:
    containers.start(world, version)


def _undone(world: World, version: Version) -> Changes:
    return claims.release_all(claims.read_ledger(world.store), version.id)


def _done(world: World, version: Version) -> Changes:
    made = ReplicaSet(version.set, version.id, version.created, version.number, owner=version.owner)
    return put_set(started(world, made, version)) | put_version(version)


RUN = saga(
    Saga(
        "run",
        Version,
        (SagaStep("create", _create, discard), SagaStep("start", _start)),
        point=2,
        undone=_undone,
        done=_done,
    )
)


def run(world: World, request: RunRequest, caller: Caller) -> Version:
    """See ReplicaSets.run."""
    version = _version(world, request, caller)
    with about("gpus"):
        gpus = checks.count(request.gpus)
    containers.check_capabilities(world, version, gpus)
    with about("image"):
        image, found = images.resolve(world, version.image, caller)
    # Created from the very image that was looked at, whatever is called like that by then.
    version = replace(version, image=image, image_id=found.id, env=reach.variables(world, version, found.labels))
    key = set_key(version.set)

    def prepare() -> tuple[Version, Changes]:
        if world.store.get(key) is not None:
            hint = "choose another name, or delete it"
            raise Conflict(f"there is a set {version.set} already", Code.EXISTS, hint=hint, field="name")
        with about("binds"):
            volumes = containers.check_volumes(world, version)
            own_binds(world.store, version, caller)
        ledger = claims.read_ledger(world.store)
        plan, reserved = claims.claim(ledger, world.machine(gpus > 0), version, gpus, caller.quota)
        return plan, Changes({key: 0}) | volumes | reserved

    with exclusive(world, set_journal(version.set)):
        return carry_out(world, RUN, set_journal(version.set), prepare)


def _version(world: World, request: RunRequest, caller: Caller) -> Version:
    """Return the first version of a set as it is requested; raises Invalid, with the field."""
    with about("name"):
        name = checks.set_name(request.name)
    with about("image"):
        image = checks.image(request.image)
    with about("binds"):
        binds = checks.binds(request.binds, world.settings.roots)
    with about("env"):
        env = checks.variables(request.env)
    with about("command"):
        command = checks.command(request.command)
    with about("ports"):
        ports = checks.container_ports(request.ports)
    return Version(
        set=name,
        id=uuid.uuid4().hex,
        number=1,
        created=world.now(),
        image=image,
        binds=binds,
        env=env,
        command=command,
        ports=ports,
        owner=caller.name,
        **({"grace": world.settings.stop_seconds} | parsed(request)),
    )
