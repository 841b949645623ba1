"""Which generations and environments a command is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.generation import Environment, Generation, load_all
from workbench.monobase.layout import Place
from workbench.monobase.names import generation_number

_VARIABLES = {
    "R8_PYTHON_VERSION": "python",
    "R8_TORCH_VERSION": "torch",
    "R8_CUDA_VERSION": "cuda",
    "R8_CUDNN_VERSION": "cudnn",
}


def active(folder: Path, least: int | None, most: int | None) -> list[Generation]:
    """Return the generations of the range, oldest first; raises WorkbenchError when there is none."""
    every = load_all(folder)
    found = [one for one in every if (least or 0) <= one.id and (most is None or one.id <= most)]
    if not found:
        there = ", ".join(str(one.id) for one in every)
        raise WorkbenchError("no generation is in that range", hint=f"there is {there or 'none'}", where=str(folder))
    return found


def is_outside(least: int | None, most: int | None) -> Callable[[Place], bool]:
    """Return what says whether a place is old: a generation out of the range, or any cog generation (but `latest`)."""

    def old(place: Place) -> bool:
        number = generation_number(place.name)
        return number is None or not ((least or 0) <= number and (most is None or number <= most))

    return old


def no_cuda(environment: Environment) -> str:
    """Return why an environment is left out on a node without GPUs."""
    return "it is for CUDA, and --no-cuda was said" if environment.cuda else ""


def mini(
    generations: list[Generation], environ: Mapping[str, str]
) -> tuple[list[Generation], Callable[[Environment], str]]:
    """Return the newest generation alone, and what leaves out all of it but what the variables name.

    Without a torch none of it is wanted. Raises UsageError without a Python, and WorkbenchError when
    the variables do not name exactly one environment.
    """
    named = {field: environ[name] for name, field in _VARIABLES.items() if environ.get(name)}
    if "python" not in named:
        raise UsageError("--mini needs R8_PYTHON_VERSION", hint="set it to a version such as 3.12")
    newest = generations[-1]
    if "torch" not in named:
        return [newest], lambda _: "no R8_TORCH_VERSION is set"
    fitting = [one for one in newest.environments if all(getattr(one, field) == text for field, text in named.items())]
    if len(fitting) != 1:
        names = ", ".join(one.name for one in fitting or newest.environments)
        said = ", ".join(f"{name}={environ[name]}" for name in _VARIABLES if environ.get(name))
        raise WorkbenchError(f"{said} names {len(fitting)} environments of {newest.name}", hint=f"there is {names}")
    return [newest], lambda one: "" if one is fitting[0] else "--mini was said"
