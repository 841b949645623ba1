"""The GPUs that podman can give to a workbench: those that CDI specs describe, and AMD's by their devices."""

from __future__ import annotations

import os

from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.replicasets.engines.cdi import inventory, newer_specs
from workbench.replicasets.engines.podman.quirks import readable_cdi
from workbench.replicasets.errors import NotFound

# Where podman looks for specs (CDI 0.8, "CDI JSON Specification").
FOLDERS = ("/etc/cdi", "/var/run/cdi")
AMD = "amd.com/gpu"
_KINDS = ("nvidia.com/gpu", AMD)
# The driver's devices: for computing, and a folder with one for each GPU (AMD, "Running ROCm Docker containers").
_AMD_DEVICES = ("/dev/kfd", "/dev/dri")


def gpu_options(
    accelerator: str = "", folders: tuple[str, ...] = FOLDERS, amd_devices: tuple[str, ...] = _AMD_DEVICES
) -> tuple[list[str], str]:
    """Return podman's options for all GPUs that CDI knows here, none without any, and a note when it has some that
    podman cannot give.

    An image for the `accelerator` amd.com/gpu is given AMD's devices as they are where no CDI spec has any, and a note
    says when there are none.
    """
    options: list[str] = []
    version = ""
    for kind in _KINDS:
        try:
            gpus = inventory(kind, folders)
        except NotFound:
            continue
        except WorkbenchError as error:
            return [], f"no GPUs: {error.where}: {error.message}"
        if not gpus:
            continue
        version = version or PODMAN.versions()["podman"]
        if (readable := readable_cdi(version)) and (newer := newer_specs(kind, folders, readable)):
            return [], f"no GPUs: {newer[0]}"
        options += [f"--device={kind}={gpu.id}" for gpu in gpus]
    if accelerator != AMD or any(option.startswith(f"--device={AMD}=") for option in options):
        return options, ""
    if missing := [path for path in amd_devices if not os.path.exists(path)]:
        return options, f"no GPUs of AMD: this machine has no {missing[0]}, and no CDI spec of {AMD}"
    return [*options, *(f"--device={path}" for path in amd_devices), *_groups(amd_devices)], ""


def _groups(devices: tuple[str, ...]) -> list[str]:
    """Return podman's options for the groups that may open AMD's devices: render and video, by their numbers here.

    A normal user's container has no other groups than the user's own.
    """
    if os.geteuid() != 0:
        return ["--group-add=keep-groups"]
    nodes = [os.path.join(folder, name) for folder in devices if os.path.isdir(folder) for name in os.listdir(folder)]
    nodes = [node for node in (*devices, *nodes) if not os.path.isdir(node)]
    return [f"--group-add={group}" for group in sorted({os.stat(node).st_gid for node in nodes} - {0})]
