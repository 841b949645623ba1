"""A model on monobase: which environment of a generation meets its requirements, and the variables that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore
from workbench.models.base import BaseSelection, first_image, stores_of
from workbench.models.config import FILE, CogConfig
from workbench.models.model import ModelBase, Resolved
from workbench.models.resolve import ParsedModel
from workbench.models.user_layer import extras
from workbench.monobase.generation import Environment, Generation, load_all
from workbench.monobase.names import generation_name
from workbench.monobase.resolving import versions
from workbench.names import LATEST, python_folder
from workbench.packages import normalized_name


def fit(model: ParsedModel, data: Path, number: int | None, cog: str) -> tuple[Resolved, ModelBase]:
    """Return what the model gets on the generation `number` (the newest if None) of `data`, and its variables.

    Packages that no environment has keep none from being chosen: they go into the user's layer. Raises FaultsError for
    what a weightless image cannot have, and WorkbenchError with the nearest environment when none has the torch, the
    CUDA and the versions that are required.
    """
    _check_weightless(model)
    generation = _generation(data, number)
    required: dict[str, Requirement] = {
        normalized_name(Requirement(text).name): Requirement(text) for text in model.requirements
    }
    required.pop("cog", None)
    torch = "torch" in required
    of_python = [one for one in generation.environments if one.python == model.python]
    # Who requires no torch gets it too where every environment has one.
    candidates = [one for one in of_python if bool(one.torch) == torch] or ([] if torch else of_python)
    # A generation may have hundreds, and reading a lock takes time.
    likely = [one for one in candidates if _may_fit(one.torch, one.cuda, required, model.config)]
    fitting = [one for one in likely if not _misses(one, required, model.config)]
    if not fitting:
        nearest = _nearest(generation, model, required, candidates)
        if torch and not likely and (unlocked := _unlocked(model, generation, required, nearest)):
            raise unlocked
        raise WorkbenchError(
            f"no environment of {generation.name} has everything that the model requires",
            where=model.folder,
            hint=f"{nearest or 'it has none for this machine'}; or build it without --weightless",
        )
    # Without a GPU the one that brings no CUDA; then what has most, the newest torch, and the fewest packages.
    chosen = min(
        fitting,
        key=lambda one: (
            bool(one.cuda) != model.config.build.gpu,
            len(extras(model, versions(one.requirements))),
            _newest(one),
            _count(one),
            one.name,
        ),
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


def _misses(environment: Environment, required: Mapping[str, Requirement], config: CogConfig) -> list[str]:
    """Return the requirements of the model that contradict an environment."""
    installed = versions(environment.requirements)
    found = [
        f"{text} (it has {installed.get(name, 'none')})"
        for name, text in required.items()
        if (name in installed or name == "torch")
        and (text.url or not text.specifier.contains(installed.get(name, "0"), prereleases=True))
    ]
    build = config.build
    for what, requested, has in (("CUDA", build.cuda, environment.cuda), ("cuDNN", build.cudnn, environment.cudnn)):
        parts = requested.split(".")[: 2 if what == "CUDA" else 1]
        if build.gpu and requested and has.split(".")[: len(parts)] != parts:
            found.append(f"{what} {requested} (it has {has or 'none'})")
    return found


def _may_fit(torch: str, cuda: str, required: Mapping[str, Requirement], config: CogConfig) -> bool:
    """Return whether the torch and the CUDA of an environment are those that are required."""
    if torch and "torch" in required and not required["torch"].specifier.contains(torch, prereleases=True):
        return False
    parts = config.build.cuda.split(".")[:2]
    return not (config.build.gpu and config.build.cuda) or cuda.split(".")[: len(parts)] == parts


def _unlocked(
    model: ParsedModel, generation: Generation, required: Mapping[str, Requirement], nearest: str
) -> WorkbenchError | None:
    """Return that the generation declares what is required, the newest torch of it, and has no lock; None if not so."""
    for one in reversed(generation.unlocked_here):
        fits = one.python == model.python and _may_fit(one.torch, one.cuda, required, model.config)
        if fits and bool(one.cuda) == model.config.build.gpu:
            verb = f"monobase update --min-gen-id {generation.id} --max-gen-id {generation.id}"
            instead = f"; {nearest}" if nearest else ""
            return WorkbenchError(
                f"{generation.name} has {one.name}, but {one.reason}",
                where=model.folder,
                hint=f"set {one.variable}, and resolve it with `{here(verb)}`{instead}",
            )
    return None


def _nearest(
    generation: Generation, model: ParsedModel, required: Mapping[str, Requirement], candidates: Sequence[Environment]
) -> str:
    """Return which environment contradicts the model least, and in what, "" for none: the same Python, else another."""
    other = not candidates
    misses = {
        one.name: [
            *([f"Python {model.python} (it has {one.python})"] if other else []),
            *_misses(one, required, model.config),
        ]
        for one in candidates or generation.environments
        if bool(one.torch) == ("torch" in required) or candidates
    }
    if not misses:
        return ""
    environments = {one.name: one for one in generation.environments}

    def far(name: str) -> tuple[int, int, int, tuple[int, ...], str]:
        one = environments[name]
        return len(misses[name]), _away(one.python, model.python), _distance(one.torch, required), _newest(one), name

    nearest = min(misses, key=far)
    return f"nearest is {nearest}, which lacks {', '.join(misses[nearest])}"


def _away(python: str, wanted: str) -> int:
    """Return how many minor versions lie between two Pythons; a free-threaded one is farther than any."""
    has, needs = (int(text.removesuffix("t").partition(".")[2]) for text in (python, wanted))
    return abs(has - needs) + (100 if python.endswith("t") else 0)


def _distance(torch: str, required: Mapping[str, Requirement]) -> int:
    """Return how far the torch of an environment is from the one that is required, if one version is."""
    pins = (
        [part.version for part in required["torch"].specifier if part.operator == "=="]
        if torch and "torch" in required
        else []
    )
    if not pins:
        return 0
    has, wanted = (
        sum(
            part * (1_000_000, 1000, 1)[place]
            for place, part in enumerate(Version(text.removesuffix(".*")).release[:3])
        )
        for text in (torch, pins[0])
    )
    return abs(has - wanted)


def _newest(environment: Environment) -> tuple[int, ...]:
    return tuple(-int(part) for part in environment.torch.split(".") if part.isdigit())


def _count(environment: Environment) -> int:
    return len(versions(environment.requirements))
