"""Models looked at where they are: in an image that was built, or in a folder, without fetching anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from workbench.build import podman
from workbench.catalog.faults import Faults
from workbench.errors import WorkbenchError
from workbench.model.labels import model_of
from workbench.model.load import read_config
from workbench.model.lock import kept_versions
from workbench.model.model import Model
from workbench.model.openapi import schema_of
from workbench.model.resolve import raise_all
from workbench.names import is_image


def image_model(image: str) -> Model:
    """Return the model of the local `image`, with its id, layers and bytes; raises WorkbenchError when it has none."""
    if not is_image(image):
        raise WorkbenchError(f"{image!r} is neither a folder with a cog.yaml nor an image's name")
    if not podman.exists(image):
        raise WorkbenchError(f"the image {image} is not on this machine", hint="`podman images` lists those that are")
    told = json.loads(podman.tell(f"look at {image}", "image", "inspect", image))[0]
    return replace(
        model_of(image, (told.get("Config") or {}).get("Labels") or {}),
        id=f"sha256:{told['Id'].removeprefix('sha256:')}",
        layers=tuple(told["RootFS"].get("Layers") or ()),
        size=int(told.get("Size") or 0),
    )


def folder_data(folder: str) -> dict[str, Any]:
    """Return what the cog.yaml, the lock and the code in `folder` say.

    Raises FaultsError with what is wrong with cog.yaml.
    """
    faults = Faults()
    config = read_config(folder, faults)
    raise_all(folder, faults)
    schema, _ = schema_of(folder, config.predict) if config.predict else ({}, "")
    return {"folder": folder, "config": config.as_data(), "packages": kept_versions(folder), "schema": schema}
