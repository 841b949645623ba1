"""Our values in the words of the answers."""

from __future__ import annotations

from typing import Any

from workbench.replicasets.api.responses import (
    CurrentRecord,
    EndingView,
    HistoryEntry,
    OverlapView,
    PackageOverlapView,
    PortView,
    SetView,
    UpgradeResponse,
    VersionRecord,
    VolumeEntry,
    VolumeRecord,
    VolumeView,
)
from workbench.replicasets.engines.disk_capabilities import PackageOverlap
from workbench.replicasets.operations.info import Info, Progress
from workbench.replicasets.operations.upgrade import Upgrade
from workbench.replicasets.options import OPTIONS
from workbench.replicasets.quantities import size_text
from workbench.replicasets.values import Caller, ReplicaSet, Version, Volume

_MOST_PATHS = 1000


def port_views(version: Version) -> list[PortView]:
    """Return a version's ports."""
    return [PortView(container=port.container, host=port.host, protocol=port.protocol) for port in version.ports]


def ending_view(each: ReplicaSet) -> EndingView | None:
    """Return how the set's container ended last, None when it was not by itself."""
    found = each.ending
    if found is None:
        return None
    return EndingView(
        at=found.at, exitCode=found.code, reason=found.reason, restarts=found.restarts, startsAt=found.start
    )


def set_view(
    each: ReplicaSet, version: Version, may_change: bool, doing: Progress | None, problem: str = ""
) -> SetView:
    """Return a set as lists show it; `may_change` is whether whoever looks may."""
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
        mayChange=may_change,
        operation=f"{doing.operation} {doing.at}/{len(doing.steps)} {doing.step}" if doing else "",
        ending=ending_view(each),
        problem=problem or each.waiting,
        **{option.key: option.text(getattr(version, option.name)) for option in OPTIONS},
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
            "Binds": [
                f"{bind.given or bind.src}:{bind.dest}{':ro' if bind.read_only else ''}" for bind in version.binds
            ],
            "PortBindings": hosts,
            **{option.docker: option.in_docker(getattr(version, option.name)) for option in OPTIONS},
            "DeviceRequests": requests,
        },
        "networkingConfig": {},
        "platform": {},
        "containerName": version.container,
        "gpus": list(version.gpus),
        "ports": port_views(version),
        "origin": version.origin,
        "notes": list(version.notes),
    }


def live_record(info: Info, publish: str, caller: Caller, problem: str = "") -> CurrentRecord:
    """Return a set's current version as it stands."""
    whole = caller.may_change(info.set.owner)
    return CurrentRecord(
        **_words(info.version, publish, whole),
        state=info.set.state.value,
        live=info.live,
        owner=info.set.owner,
        ending=ending_view(info.set),
        lastLines=list(info.lines) if whole else [],
        problem=problem or info.set.waiting,
    )


def history_entry(version: Version, publish: str, caller: Caller) -> HistoryEntry:
    """Return a version of a history."""
    record = VersionRecord(**_words(version, publish, caller.may_change(version.owner)))
    return HistoryEntry(version=version.number, createTime=version.created, status=record)


def upgrade_response(done: Upgrade, waiting: str) -> UpgradeResponse:
    """Return what an upgrade does, or did, and what the set waits for."""
    found, version = done.overlaps, done.version
    return UpgradeResponse(
        imageName=done.image,
        containerName=version.container if version else "",
        pathCount=len(found.paths),
        paths=[OverlapView(path=each.path, mine=each.mine, image=each.image) for each in found.paths[:_MOST_PATHS]],
        packages=[_package(each) for each in found.packages],
        shadowed=[_package(each) for each in found.shadowed],
        notes=list(version.notes) if version else [],
        waiting=waiting if version else "",
    )


def _package(each: PackageOverlap) -> PackageOverlapView:
    return PackageOverlapView(name=each.name, folder=f"/{each.folder}", was=each.was, mine=each.mine, image=each.now)


def volume_record(volume: Volume) -> VolumeRecord:
    """Return a volume's version as it stands."""
    size = {"size": size_text(volume.size)} if volume.size else {}
    opt = {"Driver": volume.driver, "DriverOpts": size, "Name": f"{volume.name}-{volume.version}"}
    return VolumeRecord(version=volume.version, createTime=volume.created, opt=opt)


def volume_entry(volume: Volume) -> VolumeEntry:
    """Return a version of a volume's history."""
    return VolumeEntry(version=volume.version, createTime=volume.created, status=volume_record(volume))


def volume_view(volume: Volume, may_change: bool) -> VolumeView:
    """Return a volume as lists show it; see set_view."""
    return VolumeView(
        name=volume.name,
        version=volume.version,
        size=size_text(volume.size),
        driver=volume.driver,
        owner=volume.owner,
        createTime=volume.created,
        mayChange=may_change,
    )
