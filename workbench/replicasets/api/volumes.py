"""Volumes: an endpoint a function."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request, Response

from workbench.replicasets.api.bodies import SizeBody, VolumeBody
from workbench.replicasets.api.context import BEARER, After, AuditNote, Limit, RequestCaller, Service
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.pages import volumes_page
from workbench.replicasets.api.responses import (
    Envelope,
    VolumeHistoryResponse,
    VolumeInfoResponse,
    VolumeList,
    VolumeResponse,
)
from workbench.replicasets.api.shapes import volume_entry, volume_record
from workbench.replicasets.quantities import size_text
from workbench.replicasets.values import Volume

ROUTES = APIRouter(prefix="/volumes", tags=["volumes"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.post("")
def create(body: VolumeBody, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[VolumeResponse]:
    """Create a volume, limited to a size or not."""
    note(operation="create volume", volume=body.name[:60], size=body.size[:20])
    return _volume_response(service.create_volume(body.name, body.size, caller))


@ROUTES.get("", response_model=Envelope[VolumeList], responses={304: {"description": "the page has that ETag still"}})
async def volumes(request: Request, caller: RequestCaller, limit: Limit = 0, after: After = "") -> Response:
    """List the volumes that the caller sees, or a page; with `If-None-Match` only what is new since that ETag."""
    listing = await cast(Following, request.app.state.following).current()
    return volumes_page(listing, request, caller, limit, after)


@ROUTES.get("/{name}")
def info(name: str, service: Service, caller: RequestCaller) -> Envelope[VolumeInfoResponse]:
    """Show a volume."""
    return Envelope(data=VolumeInfoResponse(Info=volume_record(service.volume(name, caller))))


@ROUTES.get("/{name}/history")
def history(name: str, service: Service, caller: RequestCaller) -> Envelope[VolumeHistoryResponse]:
    """List a volume's sizes, newest first."""
    return Envelope(
        data=VolumeHistoryResponse(history=[volume_entry(each) for each in service.volume_history(name, caller)])
    )


@ROUTES.patch("/{name}/size")
def resize(
    name: str, body: SizeBody, service: Service, caller: RequestCaller, note: AuditNote
) -> Envelope[VolumeResponse]:
    """Give a volume another size, in its place; never below what is used of it."""
    note(operation="resize volume", volume=name[:60], size=body.size[:20])
    return _volume_response(service.resize_volume(name, body.size, caller))


@ROUTES.delete("/{name}")
def delete(name: str, service: Service, caller: RequestCaller, note: AuditNote) -> Envelope[None]:
    """Delete a volume that no set binds."""
    note(operation="delete volume", volume=name[:60])
    service.delete_volume(name, caller)
    return Envelope()


def _volume_response(volume: Volume) -> Envelope[VolumeResponse]:
    return Envelope(data=VolumeResponse(name=f"{volume.name}-{volume.version}", size=size_text(volume.size)))
