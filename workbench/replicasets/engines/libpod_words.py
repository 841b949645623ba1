"""Our values in the words of the libpod API, and its answers as our values."""

from __future__ import annotations

from typing import Any

from workbench import podman
from workbench.replicasets.engines.protocol import Container, Image, Spec

# The period of the CPU quota: 100 ms, the kernel's own default.
_PERIOD = 100_000
_NEVER = "0001-"


def body(spec: Spec) -> dict[str, Any]:
    """Return what to POST to create the container."""
    written: dict[str, Any] = {
        "name": spec.name,
        "image": spec.image,
        "labels": dict(spec.labels),
        "env": dict(each.split("=", 1) for each in spec.env),
        # A shell as the main program must find a terminal, or it ends at once.
        "terminal": True,
        "stdin": True,
        "netns": {"nsmode": "bridge"},
        # What an image declares a VOLUME would be on no disk that we carry.
        "image_volume_mode": "ignore",
        "devices": [{"path": gpu} for gpu in spec.gpus],
        "mounts": [
            {
                "Type": "bind",
                "Source": bind.src,
                "Destination": bind.dest,
                "Options": ["rbind", "ro" if bind.read_only else "rw"],
            }
            for bind in spec.binds
            if not bind.is_volume
        ],
        "volumes": [
            {"Name": bind.src, "Dest": bind.dest, "Options": ["ro"] if bind.read_only else []}
            for bind in spec.binds
            if bind.is_volume
        ],
        "portmappings": [
            {
                "container_port": port.container,
                "host_port": port.host,
                "host_ip": spec.publish,
                "protocol": port.protocol,
            }
            for port in spec.ports
        ],
        "resource_limits": limits(spec.cpus, spec.memory),
    }
    if spec.command:
        written["command"] = list(spec.command)
    if caps := podman.lowered_limits():
        written["r_limits"] = [{"type": name, "soft": most, "hard": most} for name, most in caps.items()]
    return written


def limits(cpus: int, memory: int) -> dict[str, Any]:
    """Return limits as the API takes them; 0 is none. (nano_cpus would be ignored without a word.)"""
    return {
        "memory": {"limit": memory or -1} if memory else {},
        "cpu": {"quota": cpus * _PERIOD // 1000, "period": _PERIOD} if cpus else {},
    }


def inspected(answer: dict[str, Any]) -> Container:
    """Return the container that an inspect describes."""
    state = answer["State"]
    driver = answer.get("GraphDriver") or {}
    return Container(
        id=answer["Id"],
        name=answer["Name"],
        state=_state(state["Status"]),
        image=answer["Image"],
        labels=answer["Config"].get("Labels") or {},
        exit_code=state.get("ExitCode", 0),
        upper=(driver.get("Data") or {}).get("UpperDir", "") if driver.get("Name") == "overlay" else "",
        pid=state.get("Pid", 0),
        started=not state.get("StartedAt", _NEVER).startswith(_NEVER),
    )


def listed(answer: dict[str, Any]) -> Container:
    """Return the container that a row of the list describes."""
    return Container(
        id=answer["Id"],
        name=answer["Names"][0],
        state=_state(answer["State"]),
        image=answer["ImageID"],
        labels=answer.get("Labels") or {},
        exit_code=answer.get("ExitCode", 0),
        started=int(answer.get("StartedAt", 0)) > 0,
    )


def image(answer: dict[str, Any]) -> Image:
    """Return the image that an inspect describes."""
    layers = (answer.get("RootFS") or {}).get("Layers") or ()
    labels = answer.get("Labels") or (answer.get("Config") or {}).get("Labels") or {}
    return Image(answer["Id"], tuple(answer.get("RepoTags") or ()), labels, len(layers))


def _state(written: str) -> str:
    # podman has more words than one for the same: initialized is started but not yet run, stopped is exiting.
    return {"configured": "created", "initialized": "created", "stopped": "exited", "stopping": "running"}.get(
        written, written
    )
