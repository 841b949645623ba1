"""Replica sets: an endpoint a function."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from workbench.replicasets.api.answers import (
    Answer,
    Changed,
    Committed,
    History,
    OperationView,
    Output,
    PrunedVersion,
    PrunedVersions,
    Ran,
    SetInfo,
    Sets,
)
from workbench.replicasets.api.bodies import (
    BindBody,
    CommitBody,
    ExecuteBody,
    PatchBody,
    PruneBody,
    RollbackBody,
    RunBody,
)
from workbench.replicasets.api.context import BEARER, Asking, Room
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.shapes import history_entry, live_record, port_views, set_view
from workbench.replicasets.api.streaming import NDJSON, Streamed
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid, NotFound
from workbench.replicasets.service import Bind, Patch

ROUTES = APIRouter(prefix="/replicaSet", tags=["replica sets"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.post("")
def run(body: RunBody, room: Room, asking: Asking) -> Answer[Ran]:
    """Run a new set; its first version is 1."""
    asking.note(operation="run", set=body.replicaSetName[:60], image=body.imageName[:200], gpus=body.gpuCount)
    version = room.run(
        body.imageName,
        body.replicaSetName,
        gpus=body.gpuCount,
        binds=[_bind(bind) for bind in body.binds],
        env=body.env,
        command=body.cmd,
        ports=body.containerPorts,
        cpus=body.cpus,
        memory=body.memory,
        owner=asking.token.name,
        quota=asking.token.quota,
        actor=asking.actor,
    )
    return Answer(data=Ran(name=version.container, gpus=list(version.gpus), ports=port_views(version)))


@ROUTES.get("")
def sets(room: Room, asking: Asking) -> Answer[Sets]:
    """List all sets, as they are recorded."""
    found = []
    doing = room.under_way()
    for each in room.sets():
        try:
            found.append(set_view(*room.record(each.name), asking.actor, doing.get(each.name)))
        except NotFound:
            continue  # deleted since the list was made
    return Answer(data=Sets(replicaSets=found, publish=room.settings.publish))


@ROUTES.get("/{name}")
def info(name: str, room: Room, asking: Asking) -> Answer[SetInfo]:
    """Show a set's current version, and how it stands; of another's neither command nor values of variables."""
    return Answer(data=SetInfo(Info=live_record(room.info(name), room.settings.publish, asking.actor)))


@ROUTES.get("/{name}/operation")
def operation(name: str, room: Room) -> Answer[OperationView]:
    """Show what is being done to the set now, that it is being run too; no data for nothing. Ask again to follow."""
    found = room.progress(name)
    return Answer(
        data=OperationView(operation=found.operation, steps=list(found.steps), at=found.at) if found else None
    )


@ROUTES.get("/{name}/history")
def history(
    name: str,
    room: Room,
    asking: Asking,
    limit: Annotated[int, Query(ge=0, le=100_000, description="at most so many; 0 for all")] = 0,
    before: Annotated[int, Query(ge=0, le=2**31 - 1, description="only older ones than this; 0 for all")] = 0,
) -> Answer[History]:
    """List a set's versions, newest first."""
    versions = room.history(name, limit=limit, before=before)
    return Answer(data=History(history=[history_entry(each, room.settings.publish, asking.actor) for each in versions]))


@ROUTES.post("/{name}/commit")
def commit(name: str, body: CommitBody, room: Room, asking: Asking) -> Answer[Committed]:
    """Make an image of the set's system disk."""
    asking.note(operation="commit", set=name[:60], image=body.newImageName[:200])
    return Answer(data=Committed(imageName=room.commit(name, body.newImageName, actor=asking.actor)))


@ROUTES.post(
    "/{name}/execute",
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}, "model": Answer[Output]}},
    response_model=Answer[Output],
)
def execute(
    name: str,
    body: ExecuteBody,
    room: Room,
    asking: Asking,
    stream: Annotated[bool, Query(description="answer line by line, as the program writes")] = False,
) -> Answer[Output] | Streamed:
    """Run a program in the set and return its output and exit code, at its end or as it goes.

    Streamed, each line is `{"stream": 1 or 2, "text": ...}`, and the last one
    `{"exitCode", "timedOut", "cut"}`, or `{"code", "msg"}` when the engine failed on the way.
    """
    asking.note(operation="execute", set=name[:60], program=body.cmd[0][:60] if body.cmd else "")
    how: dict[str, Any] = {"workdir": body.workDir, "seconds": body.seconds, "most": body.maxBytes}
    if stream:
        return Streamed(room.stream(name, body.cmd, **how, actor=asking.actor))
    done = room.execute(name, body.cmd, **how, actor=asking.actor)
    return Answer(data=Output(stdout=done.stdout, exitCode=done.exit_code, timedOut=done.timed_out, cut=done.cut))


@ROUTES.patch("/{name}")
def patch(name: str, body: PatchBody, room: Room, asking: Asking) -> Answer[Changed]:
    """Change GPUs, a bind, CPUs, memory or ports; the system disk goes along, whole."""
    swaps: tuple[tuple[Bind, Bind], ...] = ()
    if (volume := body.volumePatch) is not None:
        pair = (_bind(volume.oldBind), _bind(volume.newBind))
        if not all(bind.src and bind.dest for bind in pair):
            raise Invalid("a bind needs src and dest", Code.BODY)
        swaps = (pair,)
    asking.note(operation="patch", set=name[:60], fields=sorted(body.model_dump(exclude_none=True)))
    wanted = Patch(
        gpus=body.gpuPatch.gpuCount if body.gpuPatch else None,
        binds=swaps,
        cpus=body.cpuPatch.cpuCount if body.cpuPatch else None,
        memory=body.memoryPatch.memory if body.memoryPatch else None,
        ports=tuple(body.portPatch.containerPorts) if body.portPatch else None,
    )
    return Answer(
        data=Changed(containerName=room.patch(name, wanted, quota=asking.quota_for(name), actor=asking.actor).container)
    )


@ROUTES.patch("/{name}/rollback")
def rollback(name: str, body: RollbackBody, room: Room, asking: Asking) -> Answer[Changed]:
    """Return to the disk and the settings of an older version, as a new one."""
    asking.note(operation="rollback", set=name[:60], version=body.version)
    done = room.rollback(name, body.version, quota=asking.quota_for(name), actor=asking.actor)
    return Answer(data=Changed(containerName=done.container))


@ROUTES.patch("/{name}/stop")
def stop(name: str, room: Room, asking: Asking) -> Answer[None]:
    """Stop the set: GPUs, CPUs and memory are free again, ports and disk stay its own."""
    asking.note(operation="stop", set=name[:60])
    room.stop(name, actor=asking.actor)
    return Answer()


@ROUTES.patch("/{name}/restart")
def restart(name: str, room: Room, asking: Asking) -> Answer[Changed]:
    """Start the set anew, stopped or not, with as many GPUs as it had."""
    asking.note(operation="restart", set=name[:60])
    return Answer(
        data=Changed(containerName=room.restart(name, quota=asking.quota_for(name), actor=asking.actor).container)
    )


@ROUTES.patch("/{name}/pause")
def pause(name: str, room: Room, asking: Asking) -> Answer[None]:
    """Freeze the set; all that it holds stays its own."""
    asking.note(operation="pause", set=name[:60])
    room.pause(name, actor=asking.actor)
    return Answer()


@ROUTES.patch("/{name}/continue")
def go_on(name: str, room: Room, asking: Asking) -> Answer[None]:
    """Let a paused set go on."""
    asking.note(operation="continue", set=name[:60])
    room.continue_(name, actor=asking.actor)
    return Answer()


@ROUTES.post("/{name}/prune")
def prune(name: str, body: PruneBody, room: Room, asking: Asking) -> Answer[PrunedVersions]:
    """Remove the set's oldest versions with their disks; the current one stays."""
    asking.note(operation="prune", set=name[:60], keep=body.keep, dryRun=body.dryRun)
    done = room.prune(name, body.keep, dry_run=body.dryRun, actor=asking.actor)
    gone = [PrunedVersion(version=number, bytes=size) for number, size in done.versions]
    total = sum(each.bytes for each in gone)
    return Answer(data=PrunedVersions(versions=gone, bytes=total, kept=list(done.kept), dryRun=body.dryRun))


@ROUTES.delete("/{name}")
def delete(name: str, room: Room, asking: Asking) -> Answer[None]:
    """Delete the set with all its versions and disks; volumes stay."""
    asking.note(operation="delete", set=name[:60])
    room.delete(name, actor=asking.actor)
    return Answer()


def _bind(body: BindBody) -> Bind:
    return Bind(body.src, body.dest, body.readOnly)
