"""The files of a recipe that its image starts, which have to be executable."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.compose.recipe import RecipeFile
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.scope import Scope
from workbench.containerfile.sources import matches, sources_of
from workbench.containerfile.stages import Stage, scopes, stages_of
from workbench.errors import WorkbenchError


def with_executables(containerfile: str, files: Mapping[str, RecipeFile]) -> dict[str, RecipeFile]:
    """Return `files` with those executable that ENTRYPOINT or CMD of the last stage starts.

    Git on Windows, archives and editors lose that bit, and such an image would build and not start. A Containerfile
    that cannot be read changes nothing: the checks report it.
    """
    try:
        names = set(_started(containerfile, files))
    except WorkbenchError:
        names = set()
    return {path: replace(file, executable=file.executable or path in names) for path, file in files.items()}


def _started(containerfile: str, files: Iterable[str]) -> Iterator[str]:
    """Yield the files that the image of a Containerfile starts, by their paths in the folder."""
    stages = stages_of(instructions(containerfile))
    line = _line(stages)
    copied: dict[str, str] = {}
    programs: dict[str, str] = {}
    folder = ""
    for stage, item, scope in scopes(stages):
        if stage.number not in line:
            continue
        if item.word == "WORKDIR" and item.args:
            folder = posixpath.join(folder, scope.expansion(item.args[0]).text)
        elif item.word in ("COPY", "ADD") and len(item.args) > 1:
            copied.update(_places(item, scope, stages[: stage.number], folder, files))
        elif item.word in ("ENTRYPOINT", "CMD"):
            programs[item.word] = posixpath.normpath(posixpath.join("/", folder, _program(item)))
    yield from (copied[program] for program in programs.values() if program in copied)


def _line(stages: Sequence[Stage]) -> set[int]:
    """Return the numbers of the last stage and of those that it stands on."""
    numbers, at = {stages[-1].number}, stages[-1].base.stage
    while at is not None:
        numbers.add(at)
        at = stages[at].base.stage
    return numbers


def _program(item: Instruction) -> str:
    """Return what an ENTRYPOINT or CMD starts; a shell's line may begin with `exec`."""
    if item.json:
        return item.args[0] if item.args else ""
    try:
        words = shlex.split(" ".join(item.args))
    except ValueError:
        return ""
    return next((word for word in words if word != "exec"), "")


def _places(
    item: Instruction, scope: Scope, above: Sequence[Stage], folder: str, files: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield where in the image a COPY puts each file of the folder, and the file."""
    target = posixpath.join("/", folder, scope.expansion(item.args[-1]).text)
    for source in sources_of(item, scope, above).in_folder:
        source = posixpath.normpath(source.lstrip("/"))
        for path in files:
            if path == source:
                yield posixpath.normpath(target), path
            if matches([path], source):
                # A folder's files keep their paths below it; a file that a pattern names goes by its last name.
                below = path[len(source) + 1 :] if path.startswith(f"{source}/") else posixpath.basename(path)
                yield posixpath.normpath(posixpath.join(target, path if source == "." else below)), path
