"""From a folder to a model that can be built: parsed, resolved, and with its base chosen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
from workbench.models.model import Model, ModelBase, Resolved
from workbench.models.request import image_name
from workbench.models.resolve import ParsedModel, parse_model, raise_all, resolve_versions
from workbench.models.user_layer import USER_LAYER, lock_user_layer
from workbench.models.weightless import fit, monobase_image


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What is chosen for a model beside its cog.yaml.

    `name` and `on` are the names of its image and of its base, "" for the default; `generation` is
    the number of monobase's for a weightless one, None for the newest of `data`; `locked` makes no lock;
    `is_os_named` tells whether the system of `selection` was given.
    """

    selection: BaseSelection
    default_python: str
    data: Path
    name: str = ""
    on: str = ""
    weightless: bool = False
    generation: int | None = None
    locked: bool = False
    is_os_named: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model, its parsed folder, its lock, and which kind of base it needs, of which.

    A weightless one has a lock where it requires what its environment does not have, None otherwise.
    """

    model: Model
    parsed: ParsedModel
    lock: ModelLock | None
    kind: str
    selection: BaseSelection


def resolve_model(catalogue: Catalogue, folder: str, options: ModelOptions) -> Prepared:
    """Return the model in `folder`, resolved, without its base image: what `check` reports.

    Raises FaultsError with every fault, WorkbenchError or UsageError for what cannot be resolved.
    """
    pairs = read_compatibility(catalogue.tree)
    parsed = parse_model(folder, pairs, options.default_python)
    name = image_name(parsed.config, folder, options.name)
    selection, interpreter = options.selection, ""
    faults = Faults()
    if not options.on:
        where = f"{os.path.join(folder, FILE)}:{parsed.config.line('build.python_version')}"
        with faults:
            selection, interpreter = _system(catalogue, parsed.python, options, pairs.interpreters)
        faults.found = [(line or where, message) for line, message in faults.found]
        raise_all(folder, faults)
    document = parsed.reading.document
    schema = json.dumps(document, separators=(",", ":")) if document else ""
    if options.weightless:
        found, base = fit(parsed, options.data, options.generation, pairs.cog)
        lock = lock_user_layer(parsed, base, options.data, pairs, locked=options.locked)
        if lock is not None:
            reason = f"monobase: {base.environment} of {base.generation}, and a layer of what that has not"
            base = replace(base, reason=reason, variables={**base.variables, "MONOBASE_USER": USER_LAYER})
            found = replace(found, packages={**lock.versions, **found.packages})
        if not options.on and parsed.python not in selection.pythons(catalogue):
            note = f"{selection.os} has no Python {parsed.python}: it has to be among the node's environments"
            found = replace(found, notes=(*found.notes, f"{note} (`monobase build --fetch-pythons`)"))
        return Prepared(Model(name, parsed.config, found, base, schema), parsed, lock, "monobase", selection)
    parsed, lock = lock_model(parsed, pairs, locked=options.locked)
    found = _with_python(resolve_versions(parsed, lock, pairs), options.selection.os, selection.os, interpreter)
    brings = any(name in found.packages for name in pairs.cuda_wheels)
    kind = "" if options.on else base_kind(catalogue, selection, found, brings, gpu=parsed.config.build.gpu)
    if kind == "cuda":
        found = with_cuda_of_base(catalogue, selection, found)
    return Prepared(Model(name, parsed.config, found, ModelBase("", "", ""), schema), parsed, lock, kind, selection)


def _system(
    catalogue: Catalogue, python: str, options: ModelOptions, interpreters: Mapping[str, str]
) -> tuple[BaseSelection, str]:
    """Return where a model's base comes from, and the Python that it gets beside that system's, "" for its own.

    The system that is named or the default; else one like it that has the Python; else an interpreter. A weightless
    model has its Python from the environment where no system has it. Raises UsageError or WorkbenchError when there is
    none.
    """
    selection = options.selection
    if python in selection.pythons(catalogue):
        return selection, ""
    if not options.is_os_named and (like := selection.like(catalogue, python)) is not None:
        return like, ""
    if options.weightless:
        return selection, ""
    if python not in interpreters:
        selection.check(catalogue, python)
    return selection, interpreters[python]


def _with_python(found: Resolved, usual: str, chosen: str, interpreter: str) -> Resolved:
    """Return what is resolved with the interpreter that the image gets, and a note why its Python is no usual one."""
    python = found.python
    if interpreter:
        note = (
            f"{chosen} has no Python {python}: the image gets {interpreter} of python-build-standalone beside its own"
        )
        texts = (text.replace(f"the {python} of its operating system", interpreter) for text in found.notes)
        return replace(found, interpreter=interpreter, notes=(note, *texts))
    note = f"{usual} has no Python {python}, and {chosen} has: that is what the image is built on"
    return found if chosen == usual else replace(found, notes=(note, *found.notes))


def with_base(catalogue: Catalogue, prepared: Prepared, options: ModelOptions, store: ImageStore) -> Prepared:
    """Return the model with its base image, for the builder of `store`.

    Raises WorkbenchError when that is not on this machine.
    """
    model = prepared.model
    if options.weightless:
        python, pythons = model.resolved.python, prepared.selection.pythons(catalogue)
        image = options.on or monobase_image(prepared.selection, python if python in pythons else pythons[0], store)
        base = replace(model.base, image=image)
    else:
        packages = model.resolved.packages
        direct = [name for name in names_of(prepared.parsed.requirements) if name in packages and name != "cog"]
        own = prepared.selection.pythons(catalogue)[0] if model.resolved.interpreter else ""
        base = choose_base(
            *(prepared.selection, prepared.kind, model.resolved, direct),
            on=options.on,
            store=store,
            system_python=own,
        )
    return replace(prepared, model=replace(model, base=base))
