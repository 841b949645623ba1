"""From a folder to a model that can be built: parsed, resolved, and with its base chosen."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.faults import Faults
from workbench.catalog.values import Catalogue
from workbench.images.store import ImageStore
from workbench.models.base import BaseSelection, base_kind, choose_base, with_cuda_of_base
from workbench.models.config import FILE
from workbench.models.lock import ModelLock, names_of
from workbench.models.locking import lock_model
from workbench.models.model import Model, ModelBase
from workbench.models.request import image_name
from workbench.models.resolve import ParsedModel, parse_model, raise_all, resolve_versions
from workbench.models.weightless import fit, monobase_image


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What is chosen for a model beside its cog.yaml.

    `name` and `on` are the names of its image and of its base, "" for the default; `generation` is
    the number of monobase's for a weightless one, None for the newest of `data`; `locked` makes no lock.
    """

    selection: BaseSelection
    default_python: str
    data: Path
    name: str = ""
    on: str = ""
    weightless: bool = False
    generation: int | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model, its parsed folder, its lock (None when it is weightless), and which kind of base it needs."""

    model: Model
    parsed: ParsedModel
    lock: ModelLock | None
    kind: str


def resolve_model(catalogue: Catalogue, folder: str, options: ModelOptions) -> Prepared:
    """Return the model in `folder`, resolved, without its base image: what `check` reports.

    Raises FaultsError with every fault, WorkbenchError or UsageError for what cannot be resolved.
    """
    pairs = read_compatibility(catalogue.tree)
    parsed = parse_model(folder, pairs, options.default_python)
    name = image_name(parsed.config, folder, options.name)
    faults = Faults()
    if not options.on:
        where = f"{os.path.join(folder, FILE)}:{parsed.config.line('build.python_version')}"
        with faults:
            options.selection.check(catalogue, parsed.python)
        faults.found = [(line or where, message) for line, message in faults.found]
        raise_all(folder, faults)
    document = parsed.reading.document
    schema = json.dumps(document, separators=(",", ":")) if document else ""
    if options.weightless:
        found, base = fit(parsed, options.data, options.generation, pairs.cog)
        return Prepared(Model(name, parsed.config, found, base, schema), parsed, None, "monobase")
    parsed, lock = lock_model(parsed, pairs, locked=options.locked)
    found = resolve_versions(parsed, lock, pairs)
    brings = any(name in found.packages for name in pairs.cuda_wheels)
    kind = "" if options.on else base_kind(catalogue, options.selection, found, brings, gpu=parsed.config.build.gpu)
    if kind == "cuda":
        found = with_cuda_of_base(catalogue, options.selection, found)
    return Prepared(Model(name, parsed.config, found, ModelBase("", "", ""), schema), parsed, lock, kind)


def with_base(prepared: Prepared, options: ModelOptions, store: ImageStore) -> Prepared:
    """Return the model with its base image, for the builder of `store`.

    Raises WorkbenchError when that is not on this machine.
    """
    model = prepared.model
    if options.weightless:
        image = options.on or monobase_image(options.selection, model.resolved.python, store)
        base = replace(model.base, image=image)
    else:
        packages = model.resolved.packages
        direct = [name for name in names_of(prepared.parsed.requirements) if name in packages and name != "cog"]
        base = choose_base(options.selection, prepared.kind, model.resolved, direct, on=options.on, store=store)
    return replace(prepared, model=replace(model, base=base))
