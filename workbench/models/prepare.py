"""From a folder to a model that can be built: read, resolved, and on what it stands."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.faults import Faults
from workbench.catalog.values import Catalogue
from workbench.images.store import Store
from workbench.models.config import FILE
from workbench.models.lock import ModelLock, direct
from workbench.models.model import Model, Standing
from workbench.models.openapi import schema_of
from workbench.models.request import image_name
from workbench.models.resolve import Read, lock_model, raise_all, read, resolved
from workbench.models.standing import Place, choose, kind_of
from workbench.models.weightless import fit, image


@dataclass(frozen=True, slots=True)
class Wish:
    """How a model is wanted, beside its cog.yaml.

    `name` and `on` are an image's name and what it is to stand on, "" for the usual; `generation` is
    the number of monobase's for a weightless one, None for the newest of `data`; `locked` makes no lock.
    """

    place: Place
    usual_python: str
    data: Path
    name: str = ""
    on: str = ""
    weightless: bool = False
    generation: int | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model, what was read of it, its lock (None when it is weightless), and which kind of base it needs."""

    model: Model
    read: Read
    lock: ModelLock | None
    kind: str


def resolve(catalogue: Catalogue, folder: str, wish: Wish) -> Prepared:
    """Return the model in `folder`, resolved, without looking for images: what `check` tells.

    Raises FaultsError with every fault, WorkbenchError or UsageError for what cannot be had.
    """
    pairs = read_compatibility(catalogue.tree)
    asked = read(folder, pairs, wish.usual_python)
    name = image_name(asked.config, folder, wish.name)
    faults = Faults()
    if not wish.on:
        where = f"{os.path.join(folder, FILE)}:{asked.config.line('build.python_version')}"
        with faults:
            wish.place.check(catalogue, asked.python)
        faults.found = [(place or where, message) for place, message in faults.found]
        raise_all(folder, faults)
    told, why = schema_of(folder, asked.config.predict)
    schema = json.dumps(told, separators=(",", ":")) if told else ""
    if wish.weightless:
        found, standing = fit(asked, wish.data, wish.generation, pairs.cog)
        prepared = Prepared(Model(name, asked.config, found, standing, schema), asked, None, "monobase")
    else:
        lock = lock_model(asked, pairs, locked=wish.locked)
        found = resolved(asked, lock, pairs)
        brings = any(name in found.packages for name in pairs.cuda_wheels)
        kind = "" if wish.on else kind_of(catalogue, wish.place, found, brings, gpu=asked.config.build.gpu)
        prepared = Prepared(Model(name, asked.config, found, Standing("", "", ""), schema), asked, lock, kind)
    return _noted(prepared, f"the inputs are not checked by the server: {why}") if why else prepared


def stand(prepared: Prepared, wish: Wish, store: Store) -> Prepared:
    """Return the model with the image that it stands on, by the builder of `store`.

    Raises WorkbenchError when that is not here.
    """
    model = prepared.model
    if wish.weightless:
        base = wish.on or image(wish.place, model.resolved.python, store)
        standing = replace(model.standing, image=base)
    else:
        asked = [name for name in direct(prepared.read.asked) if name in model.resolved.packages and name != "cog"]
        standing = choose(wish.place, prepared.kind, model.resolved, asked, on=wish.on, store=store)
    return replace(prepared, model=replace(model, standing=standing))


def _noted(prepared: Prepared, note: str) -> Prepared:
    found = replace(prepared.model.resolved, notes=(*prepared.model.resolved.notes, note))
    return replace(prepared, model=replace(prepared.model, resolved=found))
