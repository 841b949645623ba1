"""Our values in the words of the answers."""

from __future__ import annotations

from typing import Any

from workbench.replicasets.api.answers import (
    HistoryEntry,
    LiveRecord,
    PortView,
    Record,
    SetView,
    VolumeEntry,
    VolumeRecord,
    VolumeView,
)
from workbench.replicasets.checks import size_text
from workbench.replicasets.operations.info import Info
from workbench.replicasets.operations.progress import Progress
from workbench.replicasets.rights import may
from workbench.replicasets.values import Actor, ReplicaSet, Version, Volume


def port_views(version: Version) -> list[PortView]:
    """Return a version's ports."""
    return [PortView(container=port.container, host=port.host, protocol=port.protocol) for port in version.ports]


def set_view(each: ReplicaSet, version: Version, actor: Actor, doing: Progress | None) -> SetView:
    """Return a set as lists show it."""
    return SetView(
        name=each.name,
        version=version.number,
        containerName=version.container,
        state=each.state.value,
        owner=each.owner,
        createTime=version.created,
        imageName=version.image,
        gpus=list(version.gpus),
        ports=port_views(version),
        cpus=version.cpus / 1000,
        memory=size_text(version.memory),
        mayChange=may(actor, each.owner),
        operation=f"{doing.operation} {doing.at}/{len(doing.steps)} {doing.step}" if doing else "",
    )


def _words(version: Version, publish: str, whole: bool) -> dict[str, Any]:
    """Return all fields of a record; unless `whole`, without what may hold secrets."""
    hosts = {f"{p.container}/{p.protocol}": [{"HostIp": publish, "HostPort": str(p.host)}] for p in version.ports}
    env = version.env if whole else tuple(f"{each.partition('=')[0]}=***" for each in version.env)
    requests = [{"DeviceIDs": list(version.gpus), "Capabilities": [["gpu"]]}] if version.gpus else []
    return {
        "version": version.number,
        "createTime": version.created,
        "config": {
            "Image": version.image,
            "Env": [*env, f"CONTAINER_VERSION={version.number}"],
            "Cmd": list(version.command if whole else ()),
            "ExposedPorts": {name: {} for name in hosts},
        },
        "hostConfig": {
            "Binds": [f"{bind.src}:{bind.dest}{':ro' if bind.read_only else ''}" for bind in version.binds],
            "PortBindings": hosts,
            "Memory": version.memory,
            "NanoCpus": version.cpus * 1_000_000,
            "DeviceRequests": requests,
        },
        "networkingConfig": {},
        "platform": {},
        "containerName": version.container,
        "gpus": list(version.gpus),
        "ports": port_views(version),
        "origin": version.origin,
    }


def live_record(info: Info, publish: str, actor: Actor) -> LiveRecord:
    """Return a set's current version as it stands."""
    words = _words(info.version, publish, may(actor, info.set.owner))
    return LiveRecord(**words, state=info.set.state.value, live=info.live, owner=info.set.owner)


def history_entry(version: Version, publish: str, actor: Actor) -> HistoryEntry:
    """Return a version of a history."""
    record = Record(**_words(version, publish, may(actor, version.owner)))
    return HistoryEntry(version=version.number, createTime=version.created, status=record)


def volume_record(volume: Volume) -> VolumeRecord:
    """Return a volume's version as it stands."""
    size = {"size": size_text(volume.size)} if volume.size else {}
    opt = {"Driver": volume.driver, "DriverOpts": size, "Name": f"{volume.name}-{volume.version}"}
    return VolumeRecord(version=volume.version, createTime=volume.created, opt=opt)


def volume_entry(volume: Volume) -> VolumeEntry:
    """Return a version of a volume's history."""
    return VolumeEntry(version=volume.version, createTime=volume.created, status=volume_record(volume))


def volume_view(volume: Volume, actor: Actor) -> VolumeView:
    """Return a volume as lists show it."""
    return VolumeView(
        name=volume.name,
        version=volume.version,
        size=size_text(volume.size),
        driver=volume.driver,
        owner=volume.owner,
        createTime=volume.created,
        mayChange=may(actor, volume.owner),
    )
