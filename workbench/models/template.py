"""A new model from the template: a cog.yaml and a predict.py that work."""

from __future__ import annotations

import os

from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError, WorkbenchError

TEMPLATE = "models/template"


def create_model(folder: str, templates: CatalogueTree) -> list[str]:
    """Write the template's files into `folder`, which is created, and return their paths.

    Raises FaultsError that names the files that exist already; then nothing is written.
    """
    files = templates.walk(TEMPLATE)
    paths = {os.path.join(folder, name): templates.text(f"{TEMPLATE}/{name}") for name in files}
    if existing := [(path, "exists already") for path in paths if os.path.lexists(path)]:
        raise FaultsError(
            "nothing was written", existing, hint="name another folder: existing files are never replaced"
        )
    written: list[str] = []
    try:
        os.makedirs(folder, exist_ok=True)
        for path, text in paths.items():
            with open(path, "x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            os.unlink(path)
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=error.filename or folder) from None
    return written
