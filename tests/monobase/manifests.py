"""The Kubernetes manifests, read for tests."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workbench.monobase.generation import DATA

FOLDER = DATA / "kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(Path(FOLDER, name).read_text()))


def as_pod(document: Mapping[str, Any], image: str, hosts: Mapping[str, str]) -> dict[str, Any]:
    """Return the Pod of a Pod or DaemonSet, with another image and other folders of the host."""
    made = copy.deepcopy(dict(document))
    if made["kind"] == "DaemonSet":
        name, made = made["metadata"]["name"], made["spec"]["template"]
        made |= {"apiVersion": "v1", "kind": "Pod"}
        made["metadata"]["name"] = name
    for container in made["spec"]["containers"]:
        container["image"] = image
    for volume in made["spec"]["volumes"]:
        volume["hostPath"] = {"path": hosts[volume["hostPath"]["path"]], "type": "Directory"}
    made["spec"].pop("affinity", None)
    return made
