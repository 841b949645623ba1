"""The records that a build leaves in the recipe's folder: the SBOM of the image, and its provenance."""

from __future__ import annotations

import datetime
import os

from workbench.attest.installed import installed_packages
from workbench.attest.locked import locked_packages
from workbench.attest.package import Package
from workbench.attest.provenance import provenance
from workbench.attest.sbom import sbom, with_lock
from workbench.compose.recipe import PROVENANCE, SBOM
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.images.podman.store import PODMAN
from workbench.images.run_build import FinishedBuild
from workbench.images.store import ImageStore
from workbench.recipes.read import RecipeManifest, read_files, read_manifest


def keep_records(folder: str, made: FinishedBuild, source: str, store: ImageStore = PODMAN) -> str:
    """Write the records of the image that was `made` from the recipe in `folder`; `source` is its source label.
    The image is in `store`.

    Returns what is missing in them, "" for nothing: an image without Python cannot list its packages,
    and its SBOM then lists what the recipe installs. Raises WorkbenchError when the disk refuses.
    """
    manifest = read_manifest(folder)
    versions = store.versions()
    below = store.inspect(manifest.image)
    image, image_id = made.built.image, made.built.id
    ended = datetime.datetime.now(datetime.UTC)
    statement = provenance(
        manifest,
        source=source,
        image=image,
        image_id=image_id,
        base_digest=below.digest if below else "",
        builder=next(iter(versions)),
        versions=dict(versions),
        began=ended - datetime.timedelta(seconds=made.seconds),
        ended=ended,
    )
    text, missing = image_sbom(manifest, folder, image, image_id, store)
    write_whole(os.path.join(folder, SBOM), text)
    write_whole(os.path.join(folder, PROVENANCE), statement)
    return missing


def recipe_sbom(folder: str) -> str:
    """Return the SBOM of the recipe in `folder`: what it installs. Raises WorkbenchError when it is no recipe."""
    manifest = read_manifest(folder)
    return sbom(manifest.tag, locked_packages(read_files(folder), manifest.selection.python))


def image_sbom(
    manifest: RecipeManifest, folder: str, image: str, image_id: str, store: ImageStore = PODMAN
) -> tuple[str, str]:
    """Return the SBOM of `image`, built from the recipe in `folder`, and what is missing in it ("" for nothing)."""
    locked: list[Package] = []
    missing = []
    try:
        locked = locked_packages(read_files(folder), manifest.selection.python)
    except WorkbenchError as error:
        missing.append(f"the SBOM has no hashes: {error.where}: {error.message}")
    try:
        installed = installed_packages(image, store)
    except WorkbenchError as error:
        missing.append(f"the SBOM lists what the recipe installs: {error.message}")
        return sbom(manifest.tag, locked), "; ".join(missing)
    return sbom(manifest.tag, with_lock(installed, locked), image_id=image_id), "; ".join(missing)
