"""`recipe.toml`: what a recipe was made from, so that it can be replayed, checked and compared."""

from __future__ import annotations

from collections.abc import Mapping

import tomli_w

from workbench import __version__
from workbench.compose.recipe import RecipeFile
from workbench.compose.selection import ANSWERS, Selection

FORMAT = 1


def manifest_text(
    selection: Selection, tag: str, image: str, inputs: Mapping[str, str], files: Mapping[str, RecipeFile]
) -> str:
    """Return the text of recipe.toml: selection, catalogue digests and files. No clock, no machine."""
    chosen = {name: getattr(selection, name) for name in ANSWERS}
    if selection.image:
        chosen["image"] = selection.image
    data = {
        "format": FORMAT,
        "tag": tag,
        "from": image,
        "tool": __version__,
        "selection": chosen,
        "inputs": dict(sorted(inputs.items())),
        "files": {path: file.digest for path, file in sorted(files.items())},
    }
    return tomli_w.dumps(data)
