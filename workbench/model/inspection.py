"""What the image of a model says of itself: its labels read back, and its layers."""

from __future__ import annotations

import json
from typing import Any

from workbench.build import podman
from workbench.catalog.faults import Faults
from workbench.errors import WorkbenchError
from workbench.model.load import read_config
from workbench.model.lock import kept_versions
from workbench.model.openapi import schema_of
from workbench.model.request import CONFIG_LABEL, MODEL_LABEL, SCHEMA_LABEL, VERSION_LABEL
from workbench.model.resolve import raise_all
from workbench.names import is_image


def look(image: str) -> dict[str, Any]:
    """Return id, bytes, layers and labels of the local `image`; raises WorkbenchError when it is not here."""
    if not is_image(image):
        raise WorkbenchError(f"{image!r} is neither a folder with a cog.yaml nor an image's name")
    if not podman.exists(image):
        raise WorkbenchError(f"the image {image} is not on this machine", hint="`podman images` lists those that are")
    told = json.loads(podman.tell(f"look at {image}", "image", "inspect", image))[0]
    return {
        "id": f"sha256:{told['Id'].removeprefix('sha256:')}",
        "size": int(told.get("Size") or 0),
        "layers": list(told["RootFS"].get("Layers") or ()),
        "labels": (told.get("Config") or {}).get("Labels") or {},
    }


def model_of(image: str, seen: dict[str, Any]) -> dict[str, Any]:
    """Return what an image tells of its model, from what `look` saw.

    An image that cog itself has built tells its config and version, and nothing of ours. Raises
    WorkbenchError when it is no model's.
    """
    labels = seen["labels"]
    if CONFIG_LABEL not in labels and MODEL_LABEL not in labels:
        raise WorkbenchError(f"{image} is no model's image", hint=f"it has no label {CONFIG_LABEL}")
    resolved = _json(labels, MODEL_LABEL, image)
    if not resolved and VERSION_LABEL in labels:
        resolved = {"cog": labels[VERSION_LABEL]}
    return {
        "image": image,
        "id": seen["id"],
        "size": seen["size"],
        "layers": seen["layers"],
        "config": _json(labels, CONFIG_LABEL, image),
        "resolved": resolved,
        "schema": _json(labels, SCHEMA_LABEL, image),
    }


def folder_of(folder: str) -> dict[str, Any]:
    """Return what the cog.yaml and the lock in `folder` say, as far as nothing is fetched for it.

    Raises FaultsError with what is wrong with cog.yaml.
    """
    faults = Faults()
    config = read_config(folder, faults)
    raise_all(folder, faults)
    schema, _ = schema_of(folder, config.predict) if config.predict else ({}, "")
    return {"folder": folder, "config": config.as_data(), "packages": kept_versions(folder), "schema": schema}


def _json(labels: dict[str, str], name: str, image: str) -> dict[str, Any]:
    try:
        found = json.loads(labels.get(name) or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WorkbenchError(f"the label {name} of {image} is no JSON object")
    return found
