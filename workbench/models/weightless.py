"""A model on monobase: which environment of a generation meets its requirements, and the variables that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore
from workbench.models.base import BaseSelection, first_image, stores_of
from workbench.models.config import FILE, CogConfig
from workbench.models.model import ModelBase, Resolved
from workbench.models.resolve import ParsedModel
from workbench.monobase.generation import Environment, Generation, load_all
from workbench.monobase.names import generation_name
from workbench.monobase.resolving import versions
from workbench.names import LATEST, python_folder
from workbench.packages import normalized_name


def fit(model: ParsedModel, data: Path, number: int | None, cog: str) -> tuple[Resolved, ModelBase]:
    """Return what the model gets on the generation `number` (the newest if None) of `data`, and its variables.

    Raises FaultsError for what a weightless image cannot have, and WorkbenchError with the nearest
    environment when none meets the requirements.
    """
    _check_weightless(model)
    generation = _generation(data, number)
    required: dict[str, Requirement] = {
        normalized_name(Requirement(text).name): Requirement(text) for text in model.requirements
    }
    required.pop("cog", None)
    torch = "torch" in required
    candidates = [one for one in generation.environments if one.python == model.python and bool(one.torch) == torch]
    misses = {one.name: _misses(one, required, model.config) for one in candidates}
    fitting = [one for one in candidates if not misses[one.name]]
    if not fitting:
        raise _no_environment(model, generation, misses, torch=torch)
    # Without a GPU the one that brings no CUDA; then the newest torch, and the fewest packages.
    chosen = min(
        fitting, key=lambda one: (bool(one.cuda) != model.config.build.gpu, _newest(one), _count(one), one.name)
    )
    variables = {
        "MONOBASE_GEN_ID": str(generation.id),
        "MONOBASE_STACK": chosen.stack,
        "R8_PYTHON_VERSION": chosen.python,
        "R8_TORCH_VERSION": chosen.torch,
        "R8_CUDA_VERSION": chosen.cuda,
        "R8_CUDNN_VERSION": chosen.cudnn,
        "R8_COG_VERSION": cog,
    }
    installed = versions(chosen.requirements)
    resolved = Resolved(
        python=chosen.python,
        cuda=chosen.cuda,
        cudnn=chosen.cudnn,
        cog=cog,
        frameworks={"torch": chosen.torch} if chosen.torch else {},
        packages=installed,
        lock=generation.digest,
        notes=model.notes,
    )
    reason = f"monobase, whose {generation.name} has all of it in {chosen.name}"
    given = {name: value for name, value in variables.items() if value}
    return resolved, ModelBase("", "", reason, installed, generation.name, chosen.name, given)


def monobase_image(selection: BaseSelection, python: str, store: ImageStore = PODMAN) -> str:
    """Return the monobase image of this machine; raises WorkbenchError when there is none."""
    names = (
        f"{LOCAL_REPOSITORY}:monobase-{selection.os}-{python_folder(python)}_{selection.release}_{date}"
        for date in dict.fromkeys((selection.date, LATEST))
    )
    name, inspected = first_image(names, stores_of(store))
    if inspected is not None:
        return name
    day = selection.date
    command = here(f"monobase image --os {selection.os} --python {python} --release {selection.release} --date {day}")
    raise WorkbenchError(f"the monobase image {name} is not on this machine", hint=f"make it with `{command}`")


def _check_weightless(model: ParsedModel) -> None:
    """Raise FaultsError for keys that would install something in the image."""
    build, path = model.config.build, f"{model.folder}/{FILE}"
    found = [
        (f"{path}:{model.config.line(f'build.{key}')}", f"a weightless image installs nothing: {key} is not allowed")
        for key, value in (
            ("system_packages", build.system_packages),
            ("pre_install", build.pre_install),
            ("run", build.run),
        )
        if value
    ]
    if found:
        raise FaultsError(f"{model.folder} cannot be weightless", found, hint="leave them out, or build it whole")


def _generation(data: Path, number: int | None) -> Generation:
    every = load_all(data)
    if not every:
        raise WorkbenchError("there is no generation", where=str(data))
    if number is None:
        usual = [one for one in every if one.default]
        return (usual or every)[-1]
    found = next((one for one in every if one.id == number), None)
    if found is None:
        hint = f"available: {', '.join(one.name for one in every)}"
        raise WorkbenchError(f"there is no generation {generation_name(number)}", hint=hint)
    return found


def _misses(environment: Environment, required: dict[str, Requirement], config: CogConfig) -> list[str]:
    """Return the requirements of the model that an environment does not meet."""
    installed = versions(environment.requirements)
    found = [
        f"{text} (it has {installed.get(name, 'none')})"
        for name, text in required.items()
        if name not in installed or not text.specifier.contains(installed[name], prereleases=True)
    ]
    build = config.build
    for what, requested, has in (("CUDA", build.cuda, environment.cuda), ("cuDNN", build.cudnn, environment.cudnn)):
        parts = requested.split(".")[: 2 if what == "CUDA" else 1]
        if build.gpu and requested and has.split(".")[: len(parts)] != parts:
            found.append(f"{what} {requested} (it has {has or 'none'})")
    return found


def _no_environment(
    model: ParsedModel, generation: Generation, misses: Mapping[str, Sequence[str]], *, torch: bool
) -> WorkbenchError:
    if not misses:
        available = ", ".join(one.name for one in generation.environments)
        kind = "with" if torch else "without"
        what = f"no environment {kind} torch for Python {model.python}"
        return WorkbenchError(f"{generation.name} has {what}", where=model.folder, hint=f"available: {available}")
    nearest = min(misses, key=lambda name: (len(misses[name]), name))
    return WorkbenchError(
        f"no environment of {generation.name} has everything that the model requires",
        where=model.folder,
        hint=f"nearest is {nearest}, which lacks {', '.join(misses[nearest])}; or build it without --weightless",
    )


def _newest(environment: Environment) -> tuple[int, ...]:
    return tuple(-int(part) for part in environment.torch.split(".") if part.isdigit())


def _count(environment: Environment) -> int:
    return len(versions(environment.requirements))
