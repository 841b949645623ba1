"""Files into and out of sets, as tar archives that are streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

from anyio import from_thread
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from workbench.replicasets.api.context import BEARER, AuditNote, GoingOn, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.responses import (
    AddedResponse,
    CompareResponse,
    Envelope,
    FileChange,
    PackageView,
    StatResponse,
)
from workbench.replicasets.api.streaming import BrokenOff, Lasting
from workbench.replicasets.errors import Conflict, ReplicaSetError
from workbench.replicasets.operations.files import Files

TAR = "application/x-tar"
ROUTES = APIRouter(prefix="/replicaSet", tags=["files"], dependencies=[BEARER], responses=RESPONSES)
Path = Annotated[str, Query(max_length=4096, description="an absolute path inside the set")]
_BINARY = {"content": {TAR: {"schema": {"type": "string", "format": "binary"}}}}


@ROUTES.get("/{name}/stat")
def stat(name: str, service: Service, caller: RequestCaller, path: Path) -> Envelope[StatResponse]:
    """Return what is at a path of the running set."""
    return Envelope(data=StatResponse(kind=service.file_kind(name, path, caller).value))


@ROUTES.get("/{name}/archive", responses={200: _BINARY}, response_class=StreamingResponse)
def files(
    request: Request, name: str, service: Service, caller: RequestCaller, note: AuditNote, going_on: GoingOn, path: Path
) -> Lasting:
    """Return a file or folder of the running set as a tar archive; what breaks off is not whole.

    At most 16 GiB in an hour.
    """
    note(operation="copy from", set=name[:60], path=path[:200])
    found = service.files(name, path, caller)
    return Lasting(_sent(found, request, going_on), found, TAR, going_on)


@ROUTES.post("/{name}/archive", openapi_extra={"requestBody": {**_BINARY, "required": True}})
async def add_files(
    request: Request, name: str, service: Service, caller: RequestCaller, note: AuditNote, path: Path
) -> Envelope[AddedResponse]:
    """Unpack a tar archive, not compressed, in a folder of the running set.

    All of it is the user's of the set's main program. At most 16 GiB in an hour. What was unpacked before an error
    stays.
    """
    note(operation="copy to", set=name[:60], path=path[:200])
    pieces = request.stream()
    size = await run_sync(lambda: service.add_files(name, path, _pulled(pieces), caller))
    return Envelope(data=AddedResponse(bytes=size))


@ROUTES.get("/{name}/compare")
def compare(
    name: str,
    service: Service,
    caller: RequestCaller,
    note: AuditNote,
    old: Annotated[int, Query(ge=1, le=2**31 - 1, alias="from")],
    new: Annotated[int, Query(ge=1, le=2**31 - 1, alias="to")],
    limit: Annotated[int, Query(ge=0, le=100_000, description="at most so many files")] = 1000,
) -> Envelope[CompareResponse]:
    """Return what changed on the disk from one version of the set to another; for its owner and administrators."""
    note(operation="compare", set=name[:60], versions=[old, new])
    found = service.compare(name, old, new, caller)
    files = [
        FileChange(path=shown_path(each.path), change=each.kind, before=each.before, after=each.after)
        for each in found.files[:limit]
    ]
    packages = [
        PackageView(kind=each.kind, name=each.name, change=each.change, before=each.before, after=each.after)
        for each in found.packages
    ]
    counts = {kind: found.counts()[kind] for kind in ("added", "changed", "removed")}
    return Envelope(
        data=CompareResponse(files=files, **counts, bytes=found.bytes, packages=packages, notes=list(found.notes))
    )


def shown_path(path: str) -> str:
    """Return a path as one that JSON can hold: half a character may be in it."""
    return path.encode("utf-8", "replace").decode()


def _pulled(pieces: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Yield pieces of the event loop to a thread, as fast as it takes them."""

    async def following() -> bytes | None:
        return await anext(pieces, None)

    try:
        while (piece := from_thread.run(following)) is not None:
            if piece:
                yield piece
    except ClientDisconnect:
        raise Conflict("the client went away") from None


def _sent(found: Files, request: Request, going_on: Callable[[], bool]) -> Iterator[bytes]:
    try:
        yield from found
        if not going_on():
            # It may have been ended on the way.
            raise BrokenOff
    except ReplicaSetError as error:
        request.state.code, request.state.message = int(error.code), error.message
        raise BrokenOff from error
