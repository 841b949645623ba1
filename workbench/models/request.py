"""From a resolved model to the request that builds its image."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.images.request import BuildRequest
from workbench.models.config import FILE, CogConfig
from workbench.models.containerfile import containerfile
from workbench.models.labels import labels
from workbench.models.lock import ModelLock
from workbench.models.model import Model
from workbench.models.rules import secret_id
from workbench.models.sources import copy_sources, source_files
from workbench.names import LATEST, is_image, is_qualified

# Where the cog server looks for the document of the model's predictions.
_SCHEMA = ".cog/openapi_schema.json"


@contextmanager
def model_request(
    model: Model,
    folder: str,
    lock: ModelLock | None,
    templates: CatalogueTree,
    catalogue: Catalogue,
    os_name: str,
    *,
    options: tuple[str, ...] = (),
    secrets: Mapping[str, str] | None = None,
    ca_bundle: str = "",
    cache: bool = True,
) -> Iterator[BuildRequest]:
    """Yield the request that builds `model` from `folder`; the folder that it names exists inside the context only.

    `lock` is None for a weightless one that has all in its environment. Raises UsageError for secrets that no step
    uses, and WorkbenchError for sources that cannot go into an image.
    """
    secret_files = _secrets(model.config, folder, secrets or {})
    files = source_files(folder)
    packages = lock.without(model.base.installed) if lock else ""
    sources = lock.sources_without(model.base.installed) if lock else ""
    commits = lock.commits_without(model.base.installed) if lock else ""
    with tempfile.TemporaryDirectory(prefix="model-") as staged:
        copy_sources(folder, files, os.path.join(staged, "src"))
        if model.schema:
            _write(os.path.join(staged, "src", _SCHEMA), model.schema)
        if packages:
            _write(os.path.join(staged, "requirements.txt"), packages)
        if sources:
            _write(os.path.join(staged, "requirements-source.txt"), sources)
            limits = read_compatibility(catalogue.tree).build_constraints
            _write(os.path.join(staged, "build-constraints.txt"), "".join(f"{line}\n" for line in limits))
        if commits:
            _write(os.path.join(staged, "requirements-git.txt"), commits)
        if model.config.build.system_packages:
            listed = "".join(f"{name}\n" for name in model.config.build.system_packages)
            _write(os.path.join(staged, "os-packages.txt"), listed)
        yield BuildRequest(
            names=(model.name,),
            folder=staged,
            text=containerfile(
                model,
                templates,
                catalogue,
                os_name,
                requirements=bool(packages),
                sources=bool(sources),
                commits=bool(commits),
            ),
            labels=labels(model),
            options=options,
            ca_bundle=ca_bundle,
            cache=cache,
            secrets=secret_files,
        )


def image_name(config: CogConfig, folder: str, given: str = "") -> str:
    """Return the full name of the model's image: as given, as cog.yaml has it, else by its folder.

    Raises UsageError when that is not a valid name.
    """
    name = given or config.image
    if not name:
        stem = re.sub(r"[^a-z0-9]+", "-", os.path.basename(os.path.realpath(folder)).lower()).strip("-")
        name = f"localhost/models/{stem}"
    if not is_image(name) or "@" in name:
        where = "--image" if given else "image in cog.yaml" if config.image else "the folder"
        raise UsageError(
            f"{where}: {name!r} is not an image name", hint="give --image registry.example.com/team/model:1"
        )
    if not is_qualified(name):
        name = f"localhost/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:{LATEST}"


def _secrets(config: CogConfig, folder: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the secrets; raises an error for one that is missing and one that no step uses."""
    required = {mount.id for step in (*config.build.pre_install, *config.build.run) for mount in step.mounts}
    where = os.path.join(folder, FILE)
    if missing := sorted(required - given.keys()):
        faults = [(f"{where}:{config.line('build.run')}", f"a step uses the secret {name}") for name in missing]
        raise FaultsError("secrets are missing", faults, hint=f"give --secret {missing[0]}=FILE")
    for name, path in given.items():
        if name not in required or secret_id(name):
            used = ", ".join(sorted(required)) or "none"
            raise UsageError(f"no step of {where} uses a secret {name!r}", hint=f"its steps use {used}")
        if not os.path.isfile(path) or "," in path:
            # A comma ends the path for podman.
            raise WorkbenchError(f"the secret {name} is not a file, or has a comma in its path", where=path)
    return dict(given)


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o775, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o664)
