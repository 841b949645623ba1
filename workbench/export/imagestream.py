"""Image streams, as Open Data Hub and OpenShift AI read them for their list of workbenches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.export.software import RUNTIME, RecipeSummary, check_registry

_ODH = "opendatahub.io"


def image_streams(recipes: Sequence[RecipeSummary], repository: str = "") -> list[dict[str, Any]]:
    """Return an image stream for each workbench, with a tag for each release of it, the newest first.

    Raises WorkbenchError for a runtime, which has no page to open, and when two recipes are the
    same workbench of the same release.
    """
    streams: dict[str, list[RecipeSummary]] = {}
    for recipe in recipes:
        if recipe.ide.image_type == RUNTIME:
            raise WorkbenchError(
                f"{recipe.tag} has no IDE, so no workbench can be started from it",
                hint=f"`{here('export elyra FOLDER')}` makes what pipelines need of it",
            )
        streams.setdefault(recipe.stem, []).append(recipe)
    return [
        _stream(order, sorted(found, key=lambda recipe: recipe.selection.release, reverse=True), repository)
        for order, found in enumerate(streams.values(), 1)
    ]


def _stream(order: int, recipes: list[RecipeSummary], repository: str) -> dict[str, Any]:
    newest = recipes[0]
    names = [recipe.selection.release for recipe in recipes]
    if len(set(names)) != len(names):
        raise WorkbenchError(f"{newest.stem} appears twice for one release: {', '.join(each.tag for each in recipes)}")
    annotations = {
        f"{_ODH}/notebook-image-name": newest.title,
        f"{_ODH}/notebook-image-desc": f"{newest.display}, with {newest.ide.display}, on {newest.selection.os}",
        f"{_ODH}/notebook-image-order": str(order),
    }
    if newest.accelerator:
        annotations[f"{_ODH}/recommended-accelerators"] = json.dumps([newest.accelerator])
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {
            "name": newest.stem.replace("_", "-").lower(),
            "labels": {f"{_ODH}/notebook-image": "true"},
            "annotations": annotations,
        },
        "spec": {
            "lookupPolicy": {"local": True},
            "tags": [_tag(recipe, repository, recipe is newest) for recipe in recipes],
        },
    }


def _tag(recipe: RecipeSummary, repository: str, is_newest: bool) -> dict[str, Any]:
    image = recipe.image(repository)
    check_registry(image.rpartition(":")[0])
    return {
        "name": recipe.selection.release,
        "annotations": {
            f"{_ODH}/notebook-software": _listed(recipe.software),
            f"{_ODH}/notebook-python-dependencies": _listed(recipe.packages),
            f"{_ODH}/workbench-image-recommended": json.dumps(is_newest),
            "openshift.io/imported-from": image.rpartition(":")[0],
        },
        "from": {"kind": "DockerImage", "name": image},
        "referencePolicy": {"type": "Source"},
    }


def _listed(found: Sequence[tuple[str, str]]) -> str:
    return json.dumps([{"name": name, "version": version} for name, version in found])
