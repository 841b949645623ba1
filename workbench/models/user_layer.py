"""What a weightless model requires beyond its environment: a layer of its own in the image, the user's layer.

It is resolved against exactly the environment's versions, and holds only what that does not have, like the layer
that `monobase user` makes on a host.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from packaging.requirements import Requirement

from workbench.catalog.compatibility import CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.models.lock import WEIGHTLESS_LOCK, ModelLock, lock_of
from workbench.models.model import ModelBase
from workbench.models.resolve import ParsedModel
from workbench.models.resolving import Wanted
from workbench.monobase.generation import load
from workbench.monobase.requirements import read_lock
from workbench.packages import normalized_name

# Where the image has it; activation finds it there by MONOBASE_USER.
USER_LAYER = "/opt/app-root/user-layer"


def extras(model: ParsedModel, installed: Container[str]) -> list[str]:
    """Return the requirements of packages that are not `installed`, by normalised names; the server is none of them."""
    names = {text: normalized_name(Requirement(text).name) for text in model.requirements}
    return [text for text, name in names.items() if name != "cog" and name not in installed]


def lock_user_layer(
    model: ParsedModel, base: ModelBase, data: Path, pairs: CompatibilityTable, *, locked: bool = False
) -> ModelLock | None:
    """Return the lock of all that the model requires, for the environment of `base`; None when that has everything.

    Raises WorkbenchError with uv's message when what is required contradicts the environment, for what has no wheel,
    and when torch would come beside the one of an environment.
    """
    if not extras(model, base.installed):
        return None
    environment = load(data, base.generation).environment(base.environment)
    requirements = [text for text in model.requirements if normalized_name(Requirement(text).name) != "cog"]
    held = [f"{name}=={version}" for name, version in base.installed.items()]
    wanted = Wanted(
        requirements,
        (*model.constraints, *held),
        model.python,
        model.overrides,
        (*model.options, *read_lock(str(environment.requirements)).options),
        pairs.build_constraints,
    )
    try:
        lock = lock_of(model.folder, wanted, locked=locked, name=WEIGHTLESS_LOCK)
    except WorkbenchError as error:
        against = f"it has to go with what {base.environment} of {base.generation} has"
        hint = error.hint or f"{against}: require other versions, or build it without --weightless"
        raise WorkbenchError(error.message, where=error.where, hint=hint) from None
    new = lock.versions.keys() - base.installed.keys()
    if "torch" in new:
        raise WorkbenchError(
            "what the model requires needs torch, and would bring its own",
            where=model.folder,
            hint="name torch among the requirements, so that it comes from an environment",
        )
    unbuilt = sorted((new & set(lock.sources)) | {one.name for one in lock.packages if " --hash=" not in one.text})
    if unbuilt:
        raise WorkbenchError(
            f"{', '.join(unbuilt)}: without a wheel, and a weightless image builds nothing",
            where=model.folder,
            hint="name a version that has one, or build it without --weightless",
        )
    return lock
