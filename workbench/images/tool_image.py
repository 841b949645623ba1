"""Images that hold this tool itself, or a part of it, on a standard base."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.compose.recipe import CONTAINERFILE
from workbench.errors import WorkbenchError
from workbench.images.base import base_name, check_choice
from workbench.images.labels import own_labels
from workbench.images.request import BuildRequest
from workbench.locations import INSTALLED, INSTALLED_DATA, PACKAGE
from workbench.names import LATEST, python_folder

# Of an installed package, what is around the code stays out: the image has what `tool` names of it.
_EXCLUDED = shutil.ignore_patterns("__pycache__", "kubernetes", ".*", INSTALLED_DATA)


@contextmanager
def tool_image(
    name: str,
    folder: str,
    tool: tuple[str, ...],
    catalogue: Catalogue,
    root: str,
    release: str,
    os_name: str,
    python: str,
    date: str,
    *,
    options: tuple[str, ...] = (),
    ca_bundle: str = "",
    cache: bool = True,
) -> Iterator[BuildRequest]:
    """Yield what builds the image `name` from the tool's data at `root`; its folder exists until the block ends.

    The Containerfiles are in `folder`, one for each family of systems; it becomes `image/` for them, and
    what `tool` names of the data, and this package if it names `workbench`, lies in `tool/`. Raises
    UsageError or WorkbenchError when the release has no such base, and when the system has no Containerfile.
    """
    check_choice(catalogue, release, os_name, python, date)
    kinds = [kind for kind in catalogue.variants(os_name) if kind]
    texts = [path for kind in kinds if (path := Path(root, folder, f"{CONTAINERFILE}.{kind}")).exists()]
    if not texts:
        raise WorkbenchError(f"the {name} image has no Containerfile for {os_name}", where=folder)
    tags = [f"{name}-{os_name}-{python_folder(python)}_{release}_{day}" for day in (date, LATEST)]
    with tempfile.TemporaryDirectory(prefix=f"{name}-image-") as context:
        shutil.copytree(Path(root, folder), f"{context}/image")
        for part in tool:
            source = PACKAGE if part == PACKAGE.name else Path(root, part)
            if INSTALLED and not source.exists():
                # A module that is imported by its name lies beside this package then, not among the data.
                source = PACKAGE.parent / part
            target = Path(context, "tool", part)
            if source.is_dir():
                shutil.copytree(source, target, ignore=_EXCLUDED)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        yield BuildRequest(
            names=tuple(dict.fromkeys(f"{LOCAL_REPOSITORY}:{tag}" for tag in tags)),
            folder=context,
            text=texts[0].read_text(),
            labels=own_labels(tags[0], release, _digests(context)),
            arguments={"BASE_IMAGE": base_name(release, os_name, python, date)},
            options=options,
            ca_bundle=ca_bundle,
            cache=cache,
        )


def _digests(folder: str) -> dict[str, str]:
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above, name)
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
