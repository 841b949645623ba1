"""A model on monobase: which environment of a generation has what it asks for, and the variables that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore
from workbench.models.config import FILE, Config
from workbench.models.model import Resolved, Standing
from workbench.models.resolve import Read
from workbench.models.standing import Place, first, stores_of
from workbench.monobase.generation import Environment, Generation, load_all
from workbench.monobase.names import generation_name
from workbench.monobase.resolving import versions
from workbench.names import LATEST, python_folder
from workbench.packages import normalized_name


def fit(read: Read, data: Path, number: int | None, cog: str) -> tuple[Resolved, Standing]:
    """Return what the model gets on the generation `number` (the newest if None) of `data`, and its variables.

    Raises FaultsError for what a weightless image cannot have, and WorkbenchError with the nearest
    environment when none has what is asked for.
    """
    _refuse(read)
    generation = _generation(data, number)
    wanted: dict[str, Requirement] = {normalized_name(Requirement(text).name): Requirement(text) for text in read.asked}
    wanted.pop("cog", None)
    torch = "torch" in wanted
    candidates = [one for one in generation.environments if one.python == read.python and bool(one.torch) == torch]
    misses = {one.name: _misses(one, wanted, read.config) for one in candidates}
    fitting = [one for one in candidates if not misses[one.name]]
    if not fitting:
        raise _none(read, generation, misses, torch=torch)
    # Without a GPU the one that brings no CUDA; then the newest torch, and the fewest packages.
    chosen = min(
        fitting, key=lambda one: (bool(one.cuda) != read.config.build.gpu, _newest(one), _count(one), one.name)
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
    held = versions(chosen.requirements)
    resolved = Resolved(
        python=chosen.python,
        cuda=chosen.cuda,
        cudnn=chosen.cudnn,
        cog=cog,
        frameworks={"torch": chosen.torch} if chosen.torch else {},
        packages=held,
        lock=generation.digest,
        notes=read.notes,
    )
    why = f"monobase, whose {generation.name} has all of it in {chosen.name}"
    given = {name: value for name, value in variables.items() if value}
    return resolved, Standing("", "", why, held, generation.name, chosen.name, given)


def image(place: Place, python: str, store: ImageStore = PODMAN) -> str:
    """Return the monobase image that is here; raises WorkbenchError when none is."""
    names = (
        f"{LOCAL_REPOSITORY}:monobase-{place.os}-{python_folder(python)}_{place.release}_{date}"
        for date in dict.fromkeys((place.date, LATEST))
    )
    name, seen = first(names, stores_of(store))
    if seen is not None:
        return name
    day = f" DATE={place.date}" if place.date != LATEST else ""
    command = f"make monobase-image OS={place.os} PYTHON={python} RELEASE={place.release}{day}"
    raise WorkbenchError(f"the monobase image {name} is not on this machine", hint=f"make it with `{command}`")


def _refuse(read: Read) -> None:
    """Raise FaultsError for what would put something into the image."""
    build, path = read.config.build, f"{read.folder}/{FILE}"
    found = [
        (f"{path}:{read.config.line(f'build.{key}')}", f"a weightless image installs nothing: {key} has no place in it")
        for key, value in (
            ("system_packages", build.system_packages),
            ("pre_install", build.pre_install),
            ("run", build.run),
        )
        if value
    ]
    if found:
        raise FaultsError(f"{read.folder} cannot be weightless", found, hint="leave them out, or build it whole")


def _generation(data: Path, number: int | None) -> Generation:
    every = load_all(data)
    if not every:
        raise WorkbenchError("there is no generation", where=str(data))
    if number is None:
        return every[-1]
    found = next((one for one in every if one.id == number), None)
    if found is None:
        there = ", ".join(one.name for one in every)
        raise WorkbenchError(f"there is no generation {generation_name(number)}", hint=f"there is {there}")
    return found


def _misses(environment: Environment, wanted: dict[str, Requirement], config: Config) -> list[str]:
    """Return what of the model an environment has not."""
    held = versions(environment.requirements)
    found = [
        f"{text} (it has {held.get(name, 'none')})"
        for name, text in wanted.items()
        if name not in held or not text.specifier.contains(held[name], prereleases=True)
    ]
    build = config.build
    for what, asked, has in (("CUDA", build.cuda, environment.cuda), ("cuDNN", build.cudnn, environment.cudnn)):
        parts = asked.split(".")[: 2 if what == "CUDA" else 1]
        if build.gpu and asked and has.split(".")[: len(parts)] != parts:
            found.append(f"{what} {asked} (it has {has or 'none'})")
    return found


def _none(read: Read, generation: Generation, misses: Mapping[str, Sequence[str]], *, torch: bool) -> WorkbenchError:
    if not misses:
        there = ", ".join(one.name for one in generation.environments)
        kind = "with" if torch else "without"
        what = f"no environment {kind} torch for Python {read.python}"
        return WorkbenchError(f"{generation.name} has {what}", where=read.folder, hint=f"there is {there}")
    nearest = min(misses, key=lambda name: (len(misses[name]), name))
    return WorkbenchError(
        f"no environment of {generation.name} has all that the model asks for",
        where=read.folder,
        hint=f"nearest is {nearest}, which lacks {', '.join(misses[nearest])}; or build it without --weightless",
    )


def _newest(environment: Environment) -> tuple[int, ...]:
    return tuple(-int(part) for part in environment.torch.split(".") if part.isdigit())


def _count(environment: Environment) -> int:
    return len(versions(environment.requirements))
