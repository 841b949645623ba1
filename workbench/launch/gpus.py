"""The GPUs that podman can give to a workbench: those that CDI specs describe."""

from __future__ import annotations

from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.replicasets.engines.cdi import inventory, newer_specs
from workbench.replicasets.engines.podman.quirks import readable_cdi
from workbench.replicasets.errors import NotFound

# Where podman looks for specs (CDI 0.8, "CDI JSON Specification").
FOLDERS = ("/etc/cdi", "/var/run/cdi")
_KINDS = ("nvidia.com/gpu", "amd.com/gpu")


def gpu_options(folders: tuple[str, ...] = FOLDERS) -> tuple[list[str], str]:
    """Return podman's options for all GPUs that CDI knows here, none without any, and a note when it has some that
    podman cannot give.
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
    return options, ""
