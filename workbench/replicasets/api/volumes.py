"""Volumes: an endpoint a function."""

from __future__ import annotations

from fastapi import APIRouter

from workbench.replicasets.api.answers import Answer, VolumeHistory, VolumeInfo, VolumeMade, Volumes
from workbench.replicasets.api.bodies import SizeBody, VolumeBody
from workbench.replicasets.api.context import BEARER, Asking, Room
from workbench.replicasets.api.failures import RESPONSES
from workbench.replicasets.api.shapes import volume_entry, volume_record, volume_view
from workbench.replicasets.checks import size_text
from workbench.replicasets.values import Volume

ROUTES = APIRouter(prefix="/volumes", tags=["volumes"], dependencies=[BEARER], responses=RESPONSES)


@ROUTES.post("")
def create(body: VolumeBody, room: Room, asking: Asking) -> Answer[VolumeMade]:
    """Create a volume, limited to a size or not."""
    asking.note(operation="create volume", volume=body.name[:60], size=body.size[:20])
    return _made(room.create_volume(body.name, size=body.size, owner=asking.token.name, quota=asking.token.quota))


@ROUTES.get("")
def volumes(room: Room, asking: Asking) -> Answer[Volumes]:
    """List all volumes."""
    return Answer(data=Volumes(volumes=[volume_view(each, asking.actor) for each in room.volumes()]))


@ROUTES.get("/{name}")
def info(name: str, room: Room) -> Answer[VolumeInfo]:
    """Show a volume."""
    return Answer(data=VolumeInfo(Info=volume_record(room.volume(name))))


@ROUTES.get("/{name}/history")
def history(name: str, room: Room) -> Answer[VolumeHistory]:
    """List a volume's sizes, newest first."""
    return Answer(data=VolumeHistory(history=[volume_entry(each) for each in room.volume_history(name)]))


@ROUTES.patch("/{name}/size")
def resize(name: str, body: SizeBody, room: Room, asking: Asking) -> Answer[VolumeMade]:
    """Give a volume another size, in its place; never below what is used of it."""
    asking.note(operation="resize volume", volume=name[:60], size=body.size[:20])
    return _made(room.resize_volume(name, body.size, quota=asking.quota_for_volume(name), actor=asking.actor))


@ROUTES.delete("/{name}")
def delete(name: str, room: Room, asking: Asking) -> Answer[None]:
    """Delete a volume that no set binds."""
    asking.note(operation="delete volume", volume=name[:60])
    room.delete_volume(name, actor=asking.actor)
    return Answer()


def _made(volume: Volume) -> Answer[VolumeMade]:
    return Answer(data=VolumeMade(name=f"{volume.name}-{volume.version}", size=size_text(volume.size)))
