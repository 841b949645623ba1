"""The image of a prepared model: built, or taken as it is where it was built from the same."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.compose.recipe import source_digest
from workbench.images.backend import Backend
from workbench.images.labels import SOURCE_LABEL
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.request import BuildRequest
from workbench.images.reuse import is_up_to_date
from workbench.images.run_build import FinishedBuild, run_build
from workbench.locations import ROOT
from workbench.models.labels import CONFIG_LABEL, SCHEMA_LABEL
from workbench.models.lock import keep
from workbench.models.prepare import Prepared
from workbench.models.request import model_request


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How the image of a model is built: what a BuildRequest of it has, and the folder of the log.

    `again` builds one that is there already.
    """

    options: tuple[str, ...] = ()
    secrets: Mapping[str, str] | None = None
    ca_bundle: str = ""
    cache: bool = True
    logs: str = DEFAULT_LOGS
    again: bool = True
    quiet: bool = False


def make_model(
    catalogue: Catalogue, prepared: Prepared, folder: str, backend: Backend, options: BuildOptions
) -> FinishedBuild | None:
    """Build the image of the model in `folder` and keep its lock; return None where it is there and nothing changed.

    Raises what `model_request` and `run_build` raise.
    """
    with model_request(
        prepared.model,
        folder,
        prepared.lock,
        CatalogueTree(str(ROOT)),
        catalogue,
        prepared.selection.os,
        options=options.options,
        secrets=options.secrets,
        ca_bundle=options.ca_bundle,
        cache=options.cache,
    ) as request:
        request = replace(request, labels={**request.labels, SOURCE_LABEL: _source(request)})
        if not options.again and options.cache and is_up_to_date(request, prepared.model.base.image, backend.store):
            return None
        made = run_build(request, logs=options.logs, quiet=options.quiet, builder=backend.builder)
    if prepared.lock is not None and not prepared.lock.is_kept:
        keep(folder, prepared.lock)
    return made


def _source(request: BuildRequest) -> str:
    """Return one digest over the Containerfile, what describes the model, and every file beside them."""
    described = {name: request.labels.get(name, "") for name in (CONFIG_LABEL, SCHEMA_LABEL)}
    inputs = {"Containerfile": request.text, "labels": json.dumps(described), "options": json.dumps(request.options)}
    digests = {f"/{name}": hashlib.sha256(text.encode()).hexdigest() for name, text in inputs.items()}
    for folder, folders, files in os.walk(request.folder):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            digests[os.path.relpath(path, request.folder)] = _digest(path)
    return source_digest(digests)


def _digest(path: str) -> str:
    about = os.lstat(path)
    digest = hashlib.sha256(f"{stat.filemode(about.st_mode)}\n".encode())
    if stat.S_ISLNK(about.st_mode):
        digest.update(os.fsencode(os.readlink(path)))
    elif stat.S_ISREG(about.st_mode):
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
    return digest.hexdigest()
