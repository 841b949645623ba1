"""Can this recipe be built? Asked of every recipe before the first byte of it is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from workbench.compose.placeholders import left_over
from workbench.compose.recipe import CONTAINERFILE, Recipe, Section
from workbench.containerfile.parser import Instruction, instructions
from workbench.errors import FaultsError, WorkbenchError

USER = "1001"
WORKDIR = "/opt/app-root/src"


# Something that keeps a recipe from being built: where (a catalogue file and line), and what.
Problem = tuple[str, str]


def problems(recipe: Recipe) -> list[Problem]:
    """Return what is wrong with a composed recipe: unreadable text, missing COPY sources,
    placeholders left, a last stage that does not end as USER 1001 in /opt/app-root/src, and
    requirement files without a package."""
    found: list[Problem] = []
    for section in recipe.sections:
        found += [(section.origin, f"the placeholder {name} is left") for name in left_over(section.text)]
    for path, file in recipe.files.items():
        if path.startswith("requirements") and path.endswith(".txt") and not _holds_a_package(file.data):
            found.append((file.origin, "names no package, so installing from it would fail"))
    for line, message in containerfile_problems(recipe.containerfile, recipe.files.keys()):
        found.append((_origin(recipe.sections, line), message))
    return found


def check_recipe(recipe: Recipe) -> None:
    """Raise FaultsError with every problem of `recipe`, if it has any."""
    if found := problems(recipe):
        raise FaultsError(f"{recipe.tag} cannot be built", found)


def containerfile_problems(text: str, paths: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield `(line, message)` for what keeps `text` from building beside the files at `paths`."""
    try:
        parsed = instructions(text)
    except WorkbenchError as error:
        yield int(error.where or 1), error.message
        return
    user = workdir = ""
    stages: list[str] = []
    variables: dict[str, str] = {}
    for item in parsed:
        if item.word == "FROM":
            user = workdir = ""
            stage = item.args[2] if len(item.args) == 3 else str(len(stages))
            if stage in stages:
                yield item.line, f"the stage {stage} has the name of one above"
            stages.append(stage)
        elif item.word == "USER":
            user = item.args[0].partition(":")[0]
        elif item.word == "WORKDIR":
            workdir = _joined(workdir, item.args[0])
        elif item.word == "ENV":
            variables.update(zip(item.args[::2], item.args[1::2], strict=False))
        elif item.word in ("COPY", "ADD"):
            yield from ((item.line, message) for message in _copy_problems(item, paths, stages, variables))
    last = parsed[-1].line if parsed else 1
    if not stages:
        yield 1, "no FROM: nothing to build on"
    elif user != USER:
        yield last, f"the image would run as USER {user or 'of its base'}, and must end as USER {USER}"
    if stages and workdir != WORKDIR:
        yield last, f"the image would end in WORKDIR {workdir or 'of its base'}, and must end in {WORKDIR}"


def _copy_problems(
    item: Instruction, paths: Collection[str], stages: list[str], variables: dict[str, str]
) -> Iterator[str]:
    source_stage = next((flag.partition("=")[2] for flag in item.flags if flag.startswith("--from=")), None)
    if source_stage is not None:
        known = source_stage in stages[:-1] or (source_stage.isdigit() and int(source_stage) < len(stages) - 1)
        if not known and not any(sign in source_stage for sign in "/:."):
            yield f"{item.word} --from={source_stage}: there is no such stage above"
        return
    for source in item.args[:-1]:
        for name, value in variables.items():
            source = source.replace(f"${{{name}}}", value).replace(f"${name}", value)
        # A variable that only the build knows, a heredoc and an address cannot be looked up here.
        if "$" in source or source.startswith("<<") or "://" in source:
            continue
        if not _is_there(source, paths):
            yield f"{item.word} {source}: the recipe has no such file"


def _is_there(source: str, paths: Collection[str]) -> bool:
    wanted = source.removeprefix("./").strip("/")
    if wanted in ("", "."):
        return True
    if wanted.startswith("../"):
        return False
    if any(path == wanted or path.startswith(f"{wanted}/") for path in paths):
        return True
    if not any(sign in wanted for sign in "*?["):
        return False
    import fnmatch

    return any(fnmatch.fnmatchcase(_head(path, wanted), wanted) for path in paths)


def _head(path: str, like: str) -> str:
    """Return as many leading folders of `path` as `like` has, so that a pattern matches level by level."""
    return "/".join(path.split("/")[: like.count("/") + 1])


def _joined(workdir: str, path: str) -> str:
    path = path.rstrip("/") or "/"
    return path if path.startswith(("/", "$")) else f"{workdir}/{path}"


def _holds_a_package(data: bytes) -> bool:
    lines = (line.strip() for line in data.decode(errors="replace").splitlines())
    return any(line and line[0] not in "#-" for line in lines)


def _origin(sections: tuple[Section, ...], line: int) -> str:
    """Return the catalogue file, and its line, that line `line` of the Containerfile came from."""
    for section in reversed(sections):
        if line >= section.line:
            return f"{section.origin}:{line - section.line + 1}" if section.exact else section.origin
    return f"{CONTAINERFILE}:{line}"
