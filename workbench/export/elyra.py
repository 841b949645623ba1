"""Runtime images, as Elyra reads them for the nodes of a pipeline."""

from __future__ import annotations

from typing import Any

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.export.software import RUNTIME, RecipeSummary, check_registry


def _accelerated(recipe: RecipeSummary) -> list[str]:
    """Return the tag by which people find images for their GPUs."""
    return ["cuda"] if recipe.has_cuda else [recipe.prefix] if recipe.prefix else []


def runtime_image(recipe: RecipeSummary, repository: str = "") -> dict[str, Any]:
    """Return the metadata of a runtime image; raises WorkbenchError for a recipe with an IDE."""
    if recipe.ide.image_type != RUNTIME:
        raise WorkbenchError(
            f"{recipe.tag} has an IDE, and pipelines run in runtimes",
            hint=f"compose it with --ide runtime, or make an image stream of it: `{here('export imagestream FOLDER')}`",
        )
    image = recipe.image(repository)
    check_registry(image.rpartition(":")[0])
    metadata = {
        "display_name": f"{recipe.title} {recipe.selection.release}",
        "image_name": image,
        "pull_policy": "IfNotPresent",
        "tags": [recipe.selection.bundle, recipe.selection.release, *_accelerated(recipe)],
    }
    return {"display_name": metadata["display_name"], "schema_name": "runtime-image", "metadata": metadata}
