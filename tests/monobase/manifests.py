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


def podman_run(document: Mapping[str, Any], hosts: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the flags and the command by which podman runs the container of a Pod or a DaemonSet as a node would.

    `hosts` has the folder of this host for each that the manifest names.
    """
    spec = document["spec"]["template"]["spec"] if document["kind"] == "DaemonSet" else document["spec"]
    (container,) = spec["containers"]
    folders = {volume["name"]: hosts[volume["hostPath"]["path"]] for volume in spec["volumes"]}
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
