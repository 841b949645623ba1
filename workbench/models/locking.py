"""A parsed model's lock. Where the newest framework does not go with the rest, the newest that does is taken."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from workbench.catalog.compatibility import CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.models.lock import ModelLock, kept_versions, lock_of, names_of, version_of
from workbench.models.pairing import exact_version, frameworks_of, pair
from workbench.models.resolve import ParsedModel
from workbench.models.resolving import Wanted, resolve_packages
from workbench.models.rules import NEWEST_SDK
from workbench.monobase.requirements import read_lock


def requirements_of(model: ParsedModel, pairs: CompatibilityTable) -> tuple[str, ...]:
    """Return what is locked for the model: its own requirements and the cog server."""
    return _with_server(model.pairing.requirements, model.config.build.sdk_version, pairs)


def lock_model(model: ParsedModel, pairs: CompatibilityTable, *, locked: bool = False) -> tuple[ParsedModel, ModelLock]:
    """Return the model and its lock. The model has an earlier framework where another package decides which.

    xformers, say, goes with one version of torch: no table knows that, but the packages do. Raises WorkbenchError like
    `lock_of`, and when such a version does not go with the Python or CUDA that is requested.
    """
    try:
        return model, _lock(model, pairs, locked=locked)
    except WorkbenchError:
        wanted = frameworks_of(model.requirements, pairs)
        free = [name for name, requirement in wanted.items() if not exact_version(requirement)]
        if not free:
            raise
        versions = kept_versions(model.folder) if locked else _resolved(model, pairs)
        held = [f"{name}=={versions[name]}" for name in free if name in versions]
        if not held:
            raise
    build = model.config.build
    requirements = (*model.requirements, *held)
    pairing = pair(requirements, model.python, build.gpu, build.cuda, build.cudnn, pairs)
    note = f"{', '.join(held)}: what else is required goes with that, and with no later one"
    found = replace(model, requirements=requirements, pairing=pairing, notes=(*model.notes, note))
    return found, _lock(found, pairs, locked=locked)


def _lock(model: ParsedModel, pairs: CompatibilityTable, *, locked: bool) -> ModelLock:
    constraints = (*model.pairing.constraints, *model.constraints)
    wanted = Wanted(
        requirements_of(model, pairs),
        constraints,
        model.python,
        model.overrides,
        model.options,
        pairs.build_constraints,
    )
    return lock_of(model.folder, wanted, locked=locked)


def _with_server(requirements: tuple[str, ...], version: str, pairs: CompatibilityTable) -> tuple[str, ...]:
    """Return the requirements with the server: the one that they name, that of `sdk_version`, or the table's."""
    if "cog" in names_of(requirements):
        return requirements
    if version == NEWEST_SDK:
        # A version of that kind in the specifier makes uv take others of its kind.
        return (*requirements, f"cog>={pairs.cog_first or pairs.cog}a0")
    return (*requirements, f"cog=={version or pairs.cog}")


def _resolved(model: ParsedModel, pairs: CompatibilityTable) -> dict[str, str]:
    """Return the versions that the packages themselves agree on, whatever the table would choose."""
    with tempfile.TemporaryDirectory(prefix="model-") as staged:
        made = Path(staged, "lock")
        about = f"locking the packages of {model.folder}"
        requirements = _with_server(model.requirements, model.config.build.sdk_version, pairs)
        wanted = Wanted(
            requirements, model.constraints, model.python, model.overrides, model.options, pairs.build_constraints
        )
        resolve_packages(wanted, made, about=about)
        return {package.name: version_of(package) for package in read_lock(str(made), commits=True).packages}
