"""Can this recipe be built? Checked for every recipe before its first byte is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.compose.placeholders import left_over
from workbench.compose.recipe import CONTAINERFILE, Recipe, Section
from workbench.containerfile.flags import check_buildable
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.scope import Scope
from workbench.containerfile.sources import check_mounts, matches, sources_of
from workbench.containerfile.stages import Stage, scopes, stages_of
from workbench.errors import FaultsError, WorkbenchError

USER = "1001"
WORKDIR = "/opt/app-root/src"


# Something that keeps a recipe from being built: where (a catalogue file and line), and what.
Problem = tuple[str, str]


def problems(recipe: Recipe) -> list[Problem]:
    """Return what is wrong with a composed recipe: unreadable text, missing COPY sources,
    placeholders left, a last stage that does not end as USER 1001 in /opt/app-root/src, and an IDE's
    requirement list without a package. A bundle's own may be empty: pip takes that, and the IDE brings all."""
    found: list[Problem] = []
    for section in recipe.sections:
        found += [(section.origin, f"the placeholder {name} is left") for name in left_over(section.text)]
    for path, file in recipe.files.items():
        if path.startswith("requirements-") and path.endswith(".txt") and not _names_a_package(file.data):
            found.append((file.origin, "names no package, so its IDE would not be installed"))
    read = _read(recipe.containerfile, recipe.files.keys())
    found += [(_origin(recipe.sections, line), message) for line, message in read.by_line]
    # The IDE's snippet is the one to change, whatever stands behind it: labels set neither user nor folder.
    found += [(_ide_snippet(recipe), f"{message}: add that line") for message in read.at_end]
    return found


def check_recipe(recipe: Recipe) -> None:
    """Raise FaultsError with every problem of `recipe`, if it has any."""
    if found := problems(recipe):
        raise FaultsError(f"{recipe.tag} cannot be built", found)


def containerfile_problems(text: str, paths: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield `(line, message)` for what keeps `text` from building beside the files at `paths`."""
    read = _read(text, paths)
    yield from read.by_line
    yield from ((read.last, message) for message in read.at_end)


@dataclass(slots=True)
class _Read:
    """What is wrong in lines of a Containerfile, what is wrong with how its image ends, and its last instruction's
    line.
    """

    by_line: list[tuple[int, str]] = field(default_factory=list)
    at_end: list[str] = field(default_factory=list)
    last: int = 1


def _read(text: str, paths: Collection[str]) -> _Read:
    read = _Read()
    try:
        parsed = instructions(text)
        stages = stages_of(parsed)
        ends: dict[int, tuple[str, str]] = {}
        for stage, item, scope in scopes(stages):
            user, folder = ends.get(stage.number) or _begin(stages, stage, ends)
            read.by_line += [(item.line, message) for message in _faults(item, scope, stages[: stage.number], paths)]
            if item.word == "USER" and item.args:
                user = _known(item.args[0], scope).partition(":")[0]
            elif item.word == "WORKDIR" and item.args:
                folder = _joined(folder, _known(item.args[0], scope))
            ends[stage.number] = (user, folder)
    except WorkbenchError as error:
        read.by_line.append((int(error.where or 1), error.message))
        return read
    read.last = parsed[-1].line
    user, folder = ends.get(stages[-1].number) or _begin(stages, stages[-1], ends)
    if user != USER:
        read.at_end.append(f"the image would run as USER {user or 'of its base'}, and must end as USER {USER}")
    if folder != WORKDIR:
        read.at_end.append(f"the image would end in WORKDIR {folder or 'of its base'}, and must end in {WORKDIR}")
    return read


def _faults(item: Instruction, scope: Scope, above: Sequence[Stage], paths: Collection[str]) -> Iterator[str]:
    """Yield what keeps one instruction from building beside the files at `paths`."""
    try:
        check_buildable(item)
    except WorkbenchError as error:
        yield f"{error.message}: {error.hint}" if error.hint else error.message
        return
    try:
        if item.word in ("COPY", "ADD"):
            missing = [path for path in sources_of(item, scope, above).in_folder if not matches(paths, path)]
            yield from (f"{item.word} {path}: the recipe has no such file" for path in missing)
        elif item.word == "RUN":
            check_mounts(item, scope, above)
    except WorkbenchError as error:
        yield error.message


def _begin(stages: Sequence[Stage], stage: Stage, ends: Mapping[int, tuple[str, str]]) -> tuple[str, str]:
    """Return the user and working folder that a stage begins with, "" for those of an image."""
    if stage.base.stage is None:
        return "", ""
    return ends.get(stage.base.stage) or _begin(stages, stages[stage.base.stage], ends)


def _known(word: str, scope: Scope) -> str:
    """Return a word with its variables replaced, or as it is where one of them is known to the build only."""
    found = scope.expansion(word)
    return word if found.unknown else found.text


def _joined(workdir: str, path: str) -> str:
    path = path.rstrip("/") or "/"
    return path if path.startswith(("/", "$")) else f"{workdir}/{path}"


def _names_a_package(data: bytes) -> bool:
    lines = (line.strip() for line in data.decode(errors="replace").splitlines())
    return any(line and line[0] not in "#-" for line in lines)


def _ide_snippet(recipe: Recipe) -> str:
    folder = f"{recipe.resolved.ide.folder}/"
    return [section.origin for section in recipe.sections if section.origin.startswith(folder)][-1]


def _origin(sections: tuple[Section, ...], line: int) -> str:
    """Return the catalogue file, and its line, that line `line` of the Containerfile came from."""
    for section in reversed(sections):
        if line >= section.line:
            return f"{section.origin}:{line - section.line + 1}" if section.exact else section.origin
    return f"{CONTAINERFILE}:{line}"
