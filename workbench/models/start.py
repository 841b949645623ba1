"""A new model: a cog.yaml and a predict.py that work, in a folder that has neither."""

from __future__ import annotations

import os

from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError, WorkbenchError

TEMPLATE = "models/template"


def start(folder: str, templates: CatalogueTree) -> list[str]:
    """Write the template's files into `folder`, which is made, and return their paths.

    Raises FaultsError that names those that are there already; then nothing is written.
    """
    files = templates.walk(TEMPLATE)
    paths = {os.path.join(folder, name): templates.text(f"{TEMPLATE}/{name}") for name in files}
    if there := [(path, "is there already") for path in paths if os.path.lexists(path)]:
        raise FaultsError("nothing was written", there, hint="name another folder: what is there stays as it is")
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
