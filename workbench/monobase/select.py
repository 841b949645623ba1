"""Selecting the generations and environments that a command applies to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.generation import Environment, Generation, load_all
from workbench.monobase.layout import GenerationFolder
from workbench.monobase.names import generation_number

_VARIABLES = {
    "R8_PYTHON_VERSION": "python",
    "R8_TORCH_VERSION": "torch",
    "R8_CUDA_VERSION": "cuda",
    "R8_CUDNN_VERSION": "cudnn",
}


def active(folder: Path, least: int | None, most: int | None) -> list[Generation]:
    """Return the generations of the range, oldest first; raises WorkbenchError when there is none.

    One that is not for everybody (`default = false`) must be named: a bound of the range is its number.
    """
    every = load_all(folder)
    found = [
        one
        for one in every
        if (least or 0) <= one.id and (most is None or one.id <= most) and (one.default or one.id in (least, most))
    ]
    if not found:
        available = ", ".join(str(one.id) for one in every)
        raise WorkbenchError(
            "no generation is in that range", hint=f"available: {available or 'none'}", where=str(folder)
        )
    return found


def is_outside(least: int | None, most: int | None) -> Callable[[GenerationFolder], bool]:
    """Return whether a folder is old: a generation outside of the range, or any cog generation (`latest` is kept)."""

    def old(folder: GenerationFolder) -> bool:
        number = generation_number(folder.name)
        return number is None or not ((least or 0) <= number and (most is None or number <= most))

    return old


def is_one_of(ids: Sequence[int]) -> Callable[[GenerationFolder], bool]:
    """Return whether a folder is one of these generations."""
    return lambda folder: generation_number(folder.name) in ids


def no_cuda(environment: Environment) -> str:
    """Return why an environment is excluded on a node without GPUs, "" for one that is not."""
    return "it needs CUDA, and --no-cuda excludes it" if environment.cuda else ""


def mini(
    generations: list[Generation], environ: Mapping[str, str]
) -> tuple[list[Generation], Callable[[Environment], str]]:
    """Return the newest generation alone, and what excludes all of it but the environment that the variables name.

    Without a torch all of it is excluded. Raises UsageError without a Python, and WorkbenchError when
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
        hint = f"available: {', '.join(one.name for one in fitting or newest.environments)}"
        for one in newest.unlocked_here:
            if all(getattr(one, field, text) == text for field, text in named.items()):
                hint = f"there is {one.name}, but {one.reason}"
        given = ", ".join(f"{name}={environ[name]}" for name in _VARIABLES if environ.get(name))
        raise WorkbenchError(f"{given} matches {len(fitting)} environments of {newest.name}", hint=hint)
    return [newest], lambda one: "" if one is fitting[0] else "--mini excludes it"
