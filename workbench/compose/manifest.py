"""`recipe.toml`: what a recipe was made from, so that it can be replayed, checked and compared."""

from __future__ import annotations

from collections.abc import Mapping

import tomli_w

from workbench import __version__
from workbench.catalog.questions import Selection
from workbench.compose.recipe import RecipeFile

FORMAT = 1


def manifest_text(
    selection: Selection, tag: str, image: str, inputs: Mapping[str, str], files: Mapping[str, RecipeFile]
) -> str:
    """Return the text of recipe.toml: selection, catalogue digests and files. No clock, no machine."""
    data = {
        "format": FORMAT,
        "tag": tag,
        "from": image,
        "tool": __version__,
        "selection": selection.as_answers(),
        "inputs": dict(sorted(inputs.items())),
        "files": {path: file.digest for path, file in sorted(files.items())},
    }
    return tomli_w.dumps(data)
