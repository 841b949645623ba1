"""Replica sets: an endpoint a function."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request, Response

from workbench.replicasets.api.bodies import (
    CommitBody,
    ExecuteBody,
    PatchBody,
    PruneBody,
    RollbackBody,
    RunBody,
    UpgradeBody,
)
from workbench.replicasets.api.context import BEARER, After, AuditNote, InCompat, Limit, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.pages import sets_page
from workbench.replicasets.api.responses import (
    ChangeResponse,
    CommitResponse,
    Envelope,
    ExecuteResponse,
    HistoryResponse,
    InfoResponse,
    NewerResponse,
    OperationResponse,
    PrunedVersion,
    PruneResponse,
    RunResponse,
    SetList,
    UpgradeResponse,
)
from workbench.replicasets.api.shapes import history_entry, live_record, port_views, upgrade_response
from workbench.replicasets.api.streaming import NDJSON, Streamed
from workbench.replicasets.operations.execute import LONGEST_SECONDS
from workbench.replicasets.quantities import LONGEST_GRACE
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Version

Grace = Annotated[
    int | None,
    Query(
        ge=0, le=LONGEST_GRACE, description="seconds that its main program has to end after SIGTERM; default: its own"
    ),
]
# A response is in memory several times before it is sent; a stream is not.
MOST_COLLECTED = 8 << 20
ROUTES = APIRouter(prefix="/replicaSet", tags=["replica sets"], dependencies=[BEARER], responses=RESPONSES)


def _changed(service: ReplicaSets, done: Version) -> Envelope[ChangeResponse]:
    waiting = service.waiting(done.set) or None
    return Envelope(data=ChangeResponse(containerName=done.container, notes=list(done.notes) or None, waiting=waiting))


@ROUTES.post("", response_model_exclude_none=True)
def run(body: RunBody, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[RunResponse]:
    """Run a new set; its first version is 1."""
    note(operation="run", set=body.replicaSetName[:60], image=body.imageName[:200], gpus=body.gpuCount)
    version = service.run(body.request(), caller)
    ports, waiting = port_views(version), service.waiting(version.set) or None
    return Envelope(data=RunResponse(name=version.container, gpus=list(version.gpus), ports=ports, waiting=waiting))


@ROUTES.get("", response_model=Envelope[SetList], responses={304: {"description": "the page has that ETag still"}})
async def sets(
    request: Request, service: Service, caller: RequestCaller, limit: Limit = 0, after: After = ""
) -> Response:
    """List the sets that the caller sees, or a page of them; with `If-None-Match` only what is new since that ETag."""
    listing = await cast(Following, request.app.state.following).current()
    return sets_page(listing, request, caller, limit, after, service.settings.publish)


@ROUTES.get("/{name}")
def info(name: str, service: Service, caller: RequestCaller) -> Envelope[InfoResponse]:
    """Show a set's current version, and how it stands; of another's neither command nor values of variables."""
    return Envelope(
        data=InfoResponse(
            Info=live_record(service.info(name, caller), service.settings.publish, caller, service.problem(name))
        )
    )


@ROUTES.get("/{name}/operation")
def operation(name: str, service: Service, caller: RequestCaller) -> Envelope[OperationResponse]:
    """Show what is being done to the set now, that it is being run too; no data for nothing. Ask again to follow."""
    found = service.progress(name, caller)
    return Envelope(
        data=OperationResponse(operation=found.operation, steps=list(found.steps), at=found.at) if found else None
    )


@ROUTES.get("/{name}/history")
def history(
    name: str,
    service: Service,
    caller: RequestCaller,
    limit: Annotated[int, Query(ge=0, le=100_000, description="at most so many; 0 for all")] = 0,
    before: Annotated[int, Query(ge=0, le=2**31 - 1, description="only older ones than this; 0 for all")] = 0,
) -> Envelope[HistoryResponse]:
    """List a set's versions, newest first."""
    versions = service.history(name, limit=limit, before=before, caller=caller)
    return Envelope(
        data=HistoryResponse(history=[history_entry(each, service.settings.publish, caller) for each in versions])
    )


@ROUTES.post("/{name}/commit")
def commit(
    name: str, body: CommitBody, service: Service, caller: RequestCaller, note: AuditNote, compat: InCompat
) -> Envelope[CommitResponse]:
    """Make an image of the set's system disk."""
    note(operation="commit", set=name[:60], image=body.newImageName[:200])
    full = service.commit(name, body.newImageName, caller)
    # The original returns what it was given.
    return Envelope(data=CommitResponse(imageName=body.newImageName if compat.words else full))


@ROUTES.post(
    "/{name}/execute",
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}, "model": Envelope[ExecuteResponse]}},
    response_model=Envelope[ExecuteResponse],
)
def execute(
    name: str,
    body: ExecuteBody,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    compat: InCompat,
    stream: Annotated[bool, Query(description="answer line by line, as the program writes")] = False,
) -> Envelope[ExecuteResponse] | Streamed:
    """Run a program in the set and return its output and exit code, at its end or as it goes.

    At its end: 8 MiB of output at most, however large `maxBytes` is.

    Streamed, each line is `{"stream": 1 or 2, "text": ...}`, and the last one
    `{"exitCode", "timedOut", "cut"}`, or `{"code", "msg"}` when the engine failed on the way.
    """
    note(operation="execute", set=name[:60], program=body.cmd[0][:60] if body.cmd else "")
    if stream:
        run_ = service.stream(name, body.request(body.maxBytes), caller)
        return Streamed(run_, lambda: {"exitCode": run_.exit_code, "timedOut": run_.timed_out, "cut": run_.cut})
    request = body.request(min(body.maxBytes, MOST_COLLECTED))
    if compat.words and "seconds" not in body.model_fields_set:
        request = replace(request, seconds=LONGEST_SECONDS)  # the original waits for as long as it takes
    done = service.execute(name, request, caller)
    return Envelope(
        data=ExecuteResponse(stdout=done.stdout, exitCode=done.exit_code, timedOut=done.timed_out, cut=done.cut)
    )


@ROUTES.patch("/{name}", response_model_exclude_none=True)
def patch(
    name: str, body: PatchBody, service: Service, caller: RequestCaller, note: AuditNote
) -> Envelope[ChangeResponse]:
    """Change GPUs, a bind, CPUs, memory or ports; the system disk goes along, whole."""
    request = body.request()
    note(operation="patch", set=name[:60], fields=sorted(body.model_dump(exclude_none=True)))
    done = service.patch(name, request, caller)
    return _changed(service, done)


@ROUTES.patch("/{name}/rollback", response_model_exclude_none=True)
def rollback(
    name: str, body: RollbackBody, service: Service, caller: RequestCaller, note: AuditNote, grace: Grace = None
) -> Envelope[ChangeResponse]:
    """Return to the disk and the settings of an older version, as a new one."""
    note(operation="rollback", set=name[:60], version=body.version)
    done = service.rollback(name, body.version, caller, grace=grace)
    return _changed(service, done)


@ROUTES.patch("/{name}/upgrade")
def upgrade(
    name: str, body: UpgradeBody, service: Service, caller: RequestCaller, note: AuditNote, grace: Grace = None
) -> Envelope[UpgradeResponse]:
    """Give the set a newer image, with all that was changed in it, as its next version.

    Code 1112 when set and image both changed something and `keep` does not decide; `dryRun` lists that.
    """
    note(operation="upgrade", set=name[:60], image=body.imageName[:200], keep=body.keep, dryRun=body.dryRun)
    done = service.upgrade(name, body.request(), caller, grace=grace)
    return Envelope(data=upgrade_response(done, service.waiting(name)))


@ROUTES.get("/{name}/newer")
def newer(name: str, service: Service, caller: RequestCaller) -> Envelope[NewerResponse]:
    """Show the image that `upgrade` takes when none is named: the same recipe's with the newest date."""
    return Envelope(data=NewerResponse(imageName=service.newer_image(name, caller)))


@ROUTES.patch("/{name}/stop")
def stop(name: str, service: Service, caller: RequestCaller, note: AuditNote, grace: Grace = None) -> Envelope[None]:
    """Stop the set: GPUs, CPUs and memory are free again, ports and disk stay its own."""
    note(operation="stop", set=name[:60])
    service.stop(name, caller, grace=grace)
    return Envelope()


@ROUTES.patch("/{name}/restart", response_model_exclude_none=True)
def restart(
    name: str, service: Service, caller: RequestCaller, note: AuditNote, grace: Grace = None
) -> Envelope[ChangeResponse]:
    """Start the set anew, stopped or not, with as many GPUs as it had."""
    note(operation="restart", set=name[:60])
    done = service.restart(name, caller, grace=grace)
    return _changed(service, done)


@ROUTES.patch("/{name}/pause")
def pause(name: str, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[None]:
    """Freeze the set; all that it holds stays its own."""
    note(operation="pause", set=name[:60])
    service.pause(name, caller)
    return Envelope()


@ROUTES.patch("/{name}/continue")
def go_on(name: str, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[None]:
    """Let a paused set go on."""
    note(operation="continue", set=name[:60])
    service.continue_(name, caller)
    return Envelope()


@ROUTES.post("/{name}/prune")
def prune(
    name: str, body: PruneBody, service: Service, caller: RequestCaller, note: AuditNote
) -> Envelope[PruneResponse]:
    """Remove the set's oldest versions with their disks; the current one stays."""
    note(operation="prune", set=name[:60], keep=body.keep, dryRun=body.dryRun)
    done = service.prune(name, body.keep, dry_run=body.dryRun, caller=caller)
    gone = [PrunedVersion(version=number, bytes=size) for number, size in done.versions]
    total = sum(each.bytes for each in gone)
    return Envelope(data=PruneResponse(versions=gone, bytes=total, kept=list(done.kept), dryRun=body.dryRun))


@ROUTES.delete("/{name}")
def delete(name: str, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[None]:
    """Delete the set with all its versions and disks; volumes stay."""
    note(operation="delete", set=name[:60])
    service.delete(name, caller)
    return Envelope()
