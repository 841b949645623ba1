"""Inspecting models: in an image that was built, or in a folder, without fetching anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.catalog.faults import Faults
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore, required
from workbench.models.labels import model_of
from workbench.models.load import read_config
from workbench.models.lock import kept_versions
from workbench.models.model import Model
from workbench.models.openapi import read_code
from workbench.models.pairing import short
from workbench.models.resolve import raise_all
from workbench.names import is_image


def image_model(image: str, store: ImageStore = PODMAN) -> Model:
    """Return the model of an `image` of `store`, with its id, layers and bytes; raises WorkbenchError for none."""
    inspected = required(
        store,
        image,
        hint=f"`{here('model build FOLDER')}` makes one; --backend chooses the builder whose images are inspected",
    )
    return replace(model_of(image, inspected.labels), id=inspected.id, layers=inspected.layers, size=inspected.size)


def check_image(text: str) -> str:
    """Return `text` when it may name an image; raises WorkbenchError otherwise."""
    if not is_image(text):
        raise WorkbenchError(f"{text!r} is neither a folder with a cog.yaml nor an image's name")
    return text


def folder_data(folder: str) -> dict[str, Any]:
    """Return the contents of the cog.yaml, the lock and the code in `folder`.

    Raises FaultsError with the faults of cog.yaml.
    """
    faults = Faults()
    config = read_config(folder, faults)
    raise_all(folder, faults)
    roots = config.environment.get("PYTHONPATH", "").split(":")
    schema = read_code(folder, config.predict, config.train, roots, short(config.build.python_version)).document
    return {"folder": folder, "config": config.as_data(), "packages": kept_versions(folder), "schema": schema}
