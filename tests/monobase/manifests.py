"""The Kubernetes manifests, read for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workbench.monobase.generation import DATA

FOLDER = DATA / "kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(Path(FOLDER, name).read_text()))


def pod_spec(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The specification of a Pod, or of the Pods of a DaemonSet."""
    found = document["spec"]["template"]["spec"] if document["kind"] == "DaemonSet" else document["spec"]
    assert isinstance(found, Mapping)
    return found


def _path_of(volume: Mapping[str, Any]) -> str:
    """The host's folder of a volume: by itself, or by the claim that it names."""
    if "hostPath" in volume:
        return str(volume["hostPath"]["path"])
    bound, claim = documents("models-volume.yaml")
    assert claim["metadata"]["name"] == volume["persistentVolumeClaim"]["claimName"]
    assert claim["spec"]["volumeName"] == bound["metadata"]["name"]
    return str(bound["spec"]["hostPath"]["path"])


def podman_run(document: Mapping[str, Any], hosts: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the flags and the command by which podman runs the first container of a Pod or DaemonSet as a node would.

    `hosts` has the folder of this host for each that the manifest names.
    """
    spec = pod_spec(document)
    container = spec["containers"][0]
    folders = {volume["name"]: hosts[_path_of(volume)] for volume in spec["volumes"]}
    security = container["securityContext"]
    flags = [f"--user={security['runAsUser']}:{security['runAsGroup']}"]
    flags += [f"--cap-drop={name.lower()}" for name in security["capabilities"]["drop"]]
    flags += [] if security["allowPrivilegeEscalation"] else ["--security-opt=no-new-privileges"]
    for mount in container["volumeMounts"]:
        mode = "ro" if mount.get("readOnly") else "rw"
        flags.append(f"--volume={folders[mount['name']]}:{mount['mountPath']}:{mode}")
    flags += [f"--env={entry['name']}={entry['value']}" for entry in container.get("env", ())]
    flags.append(f"--entrypoint={json.dumps(container['command'])}")
    return flags, list(container["args"])
