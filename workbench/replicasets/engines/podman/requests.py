"""Bodies of requests to the libpod API made from our values, and our values read from its responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import podman
from workbench.replicasets.engines.protocol import Container, ContainerSpec, EngineImage

# The period of the CPU quota: 100 ms, the kernel's own default.
_PERIOD = 100_000
_NEVER = "0001-"


def create_body(spec: ContainerSpec, gpu_kind: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what to POST to create the container, its GPUs as CDI names of the kind `gpu_kind`.

    `secrets` are the names of podman's secrets by the variables that they are given as.
    """
    body: dict[str, Any] = {
        "name": spec.name,
        "image": spec.image,
        "labels": dict(spec.labels),
        "env": dict(each.split("=", 1) for each in spec.env),
        "secret_env": dict(secrets),
        # A shell as the main program must find a terminal, or it ends at once.
        "terminal": True,
        "stdin": True,
        "netns": {"nsmode": "bridge"},
        # What an image declares a VOLUME would be on no disk that we carry.
        "image_volume_mode": "ignore",
        "devices": [{"path": f"{gpu_kind}={gpu}"} for gpu in spec.gpus],
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
        # Without a process of ours in between, whoever stops it by hand gives it the same time.
        "stop_timeout": spec.grace,
        **({"shm_size": spec.shm} if spec.shm else {}),
    }
    if spec.network:
        body["networks"] = {spec.network: {}}
    if spec.command:
        body["command"] = list(spec.command)
    if caps := podman.lowered_limits():
        body["r_limits"] = [{"type": name, "soft": most, "hard": most} for name, most in caps.items()]
    return body


def limits(cpus: int, memory: int) -> dict[str, Any]:
    """Return limits as the API takes them; 0 is none. (podman ignores nano_cpus silently.)"""
    return {
        "memory": {"limit": memory or -1} if memory else {},
        "cpu": {"quota": cpus * _PERIOD // 1000, "period": _PERIOD} if cpus else {},
    }


def has_limits(details: dict[str, Any], spec: ContainerSpec) -> bool:
    """Return whether an inspected container has the limits of its spec: podman drops those that it cannot set."""
    return limits_of(details) == (spec.cpus, spec.memory)


def limits_of(details: dict[str, Any]) -> tuple[int, int]:
    """Return the limits that an inspected container is started with: thousandths of a CPU, bytes; 0 for none."""
    host = details.get("HostConfig") or {}
    memory, quota, period = (int(host.get(key) or 0) for key in ("Memory", "CpuQuota", "CpuPeriod"))
    return (quota * 1000 // period if period else 0), memory


def no_limits(host: dict[str, Any], cpus: int, memory: int) -> str:
    """Return why such limits cannot be set on the host that podman describes, "" when they can.

    Without any limit: why none can be set at all.
    """
    if host.get("cgroupVersion") == "v1":
        rootless = (host.get("security") or {}).get("rootless")
        return "podman sets no limits as a normal user with cgroups v1" if rootless else ""
    needed = {name for name, limit in (("memory", memory), ("cpu", cpus)) if limit} or {"memory", "cpu"}
    # An older podman does not list them; where there are none the list is empty, or null.
    missing = needed - set((host["cgroupControllers"] or ()) if "cgroupControllers" in host else needed)
    if missing == needed or (missing and (cpus or memory)):
        return f"podman's cgroup has no controller of {' and '.join(sorted(missing))}"
    return ""


def paused_pid(details: dict[str, Any]) -> int:
    """Return the process of a container that podman takes to be paused, 0 for any other."""
    return pid(details) if details and _state(details["State"]["Status"]) == "paused" else 0


def inspected(details: dict[str, Any]) -> Container:
    """Return the container that an inspect describes."""
    state = details["State"]
    return Container(
        id=details["Id"],
        name=details["Name"],
        state=_state(state["Status"]),
        image=details["Image"],
        labels=details["Config"].get("Labels") or {},
        exit_code=state.get("ExitCode", 0),
        started=not state.get("StartedAt", _NEVER).startswith(_NEVER),
        out_of_memory=bool(state.get("OOMKilled")),
    )


def upper(details: dict[str, Any]) -> str:
    """Return the folder of what an inspected container changed on its image, "" when it is on no overlay."""
    return next(iter(layers(details)), "")


def layers(details: dict[str, Any]) -> list[str]:
    """Return the folders of an inspected container's or image's layers, the upper one first; none on no overlay."""
    driver = details.get("GraphDriver") or {}
    data = (driver.get("Data") or {}) if driver.get("Name") == "overlay" else {}
    found = [str(data.get("UpperDir", "")), *str(data.get("LowerDir", "")).split(":")]
    return [each for each in found if each] if found[0] else []


def pid(details: dict[str, Any]) -> int:
    """Return the number of an inspected container's main process, 0 when it has none."""
    return int(details["State"].get("Pid", 0))


def listed(row: dict[str, Any]) -> Container:
    """Return the container that a row of the list describes."""
    return Container(
        id=row["Id"],
        name=row["Names"][0],
        state=_state(row["State"]),
        image=row["ImageID"],
        labels=row.get("Labels") or {},
        exit_code=row.get("ExitCode", 0),
        started=int(row.get("StartedAt", 0)) > 0,
    )


def image(details: dict[str, Any]) -> EngineImage:
    """Return the image that an inspect describes."""
    layers = (details.get("RootFS") or {}).get("Layers") or ()
    labels = details.get("Labels") or (details.get("Config") or {}).get("Labels") or {}
    names = (*(details.get("RepoTags") or ()), *(details.get("RepoDigests") or ()))
    return EngineImage(details["Id"], names, labels, len(layers))


def _state(reported: str) -> str:
    # podman has several names for one state: initialized is started but not yet run, stopped is exiting.
    return {"configured": "created", "initialized": "created", "stopped": "exited", "stopping": "running"}.get(
        reported, reported
    )
