"""The image of the daemon and of models: the tool and the data of the generations on a standard base."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.build.builder import BuildRequest
from workbench.build.chain import base_name, check_choice
from workbench.build.recipe_build import RELEASE_LABEL, SOURCE_LABEL, TAG_LABEL
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.compose.recipe import CONTAINERFILE, source_digest
from workbench.errors import WorkbenchError
from workbench.names import LATEST, python_folder

FOLDER = "monobase/image"
# What the image has of the repository, below /opt/monobase.
_TOOL = ("workbench", "monobase", "releases/compat.toml")
_NOT = shutil.ignore_patterns("__pycache__", "kubernetes", ".*")


@contextmanager
def image_request(
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
    """Yield what builds the image from the repository at `root`; its folder is there as long as it is held.

    Raises UsageError or WorkbenchError when the release has no such base, and when the system has no
    Containerfile.
    """
    check_choice(catalogue, release, os_name, python, date)
    kinds = [kind for kind in catalogue.variants(os_name) if kind]
    texts = [path for kind in kinds if (path := Path(root, FOLDER, f"{CONTAINERFILE}.{kind}")).exists()]
    if not texts:
        raise WorkbenchError(f"the monobase image has no Containerfile for {os_name}", where=FOLDER)
    tags = [f"monobase-{os_name}-{python_folder(python)}_{release}_{day}" for day in (date, LATEST)]
    with tempfile.TemporaryDirectory(prefix="monobase-image-") as folder:
        shutil.copytree(Path(root, FOLDER), f"{folder}/image")
        for name in _TOOL:
            source, target = Path(root, name), Path(folder, "tool", name)
            if source.is_dir():
                shutil.copytree(source, target, ignore=_NOT)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        yield BuildRequest(
            names=tuple(dict.fromkeys(f"{LOCAL_REPOSITORY}:{tag}" for tag in tags)),
            folder=folder,
            text=texts[0].read_text(),
            labels={TAG_LABEL: tags[0], RELEASE_LABEL: release, SOURCE_LABEL: source_digest(_digests(folder))},
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
