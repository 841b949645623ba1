"""The stages of a Containerfile: what each is called, what it stands on, and its instructions.

What a Containerfile is built on is decided here for everybody: the checks of a recipe, both builders, the
CUDA layers and the exports. Nothing is read but the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.architecture import oci_architecture
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.scope import Scope
from workbench.containerfile.words import expanded
from workbench.errors import WorkbenchError
from workbench.names import is_image, is_qualified, suggestion

SCRATCH = "scratch"
# The architecture that images are built for, as registries name it: this machine's.
ARCHITECTURE = oci_architecture()
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
# What a COPY is from, and what is mounted into a RUN.
_FROM = re.compile(r"(?:^--|[=,]\s*)from=([^,]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from: the folder beside the Containerfile, a stage (by its number) or an image."""

    stage: int | None = None
    image: str = ""

    @property
    def is_context(self) -> bool:
        """Return whether it is the folder beside the Containerfile."""
        return self.stage is None and not self.image


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM with the instructions up to the next one.

    `name` is in small letters, "" for none; `base` is a stage above, an image, or neither for `scratch`.
    `arguments` are the build's, and `global_arguments` those from before the first FROM, with their values.
    """

    number: int
    name: str
    base: Origin
    head: Instruction
    instructions: tuple[Instruction, ...]
    arguments: Mapping[str, str]
    global_arguments: Mapping[str, str]

    @property
    def line(self) -> int:
        """The line of its FROM, from 1."""
        return self.head.line


def stages(text: str, arguments: Mapping[str, str] | None = None, *, file: str = "") -> tuple[Stage, ...]:
    """Return the stages of a Containerfile that is built with `arguments`, in order.

    Raises WorkbenchError when the text or one of its FROMs cannot be read, and when there is none; its
    `where` is the line, after the name of the `file` if that is given.
    """
    try:
        return stages_of(instructions(text), arguments)
    except WorkbenchError as error:
        where = f"{file}:{error.where or 1}" if file else error.where
        raise WorkbenchError(error.message, hint=error.hint, where=where) from None


def stages_of(parsed: Sequence[Instruction], arguments: Mapping[str, str] | None = None) -> tuple[Stage, ...]:
    """Return the same of a Containerfile that has been parsed."""
    given = dict(arguments or {})
    heads = [at for at, item in enumerate(parsed) if item.word == "FROM"]
    global_arguments = Scope({}, given, {}, escape=parsed[0].escape if parsed else "\\")
    global_arguments.assume({name: given.get(name, value) for name, value in known_arguments().items()})
    for item in parsed[: heads[0] if heads else len(parsed)]:
        with at_line(item.line):
            if item.word != "ARG":
                raise WorkbenchError(f"{item.word} stands before the first FROM, where only ARG may")
            global_arguments.declare(item)
    if not heads:
        raise WorkbenchError("no FROM: nothing to build on", where="1")
    known = global_arguments.variables
    found: list[Stage] = []
    for at, end in zip(heads, [*heads[1:], len(parsed)], strict=True):
        with at_line(parsed[at].line):
            name, base = _read_head(parsed[at], known, found)
        found.append(Stage(len(found), name, base, parsed[at], tuple(parsed[at + 1 : end]), given, known))
    return tuple(found)


def needed(stages: Sequence[Stage]) -> frozenset[int]:
    """Return the numbers of the stages that the last one is made from, its own among them: no other is built.

    Where a variable says what files are from, and in an ONBUILD, that may be any stage above.
    """
    found = {len(stages) - 1}
    for stage in reversed(stages):
        if stage.number in found:
            found |= set(_taken_from(stage, stages[: stage.number]))
    return frozenset(found)


def bases(stages: Sequence[Stage]) -> list[str]:
    """Return the images that the stages which are built stand on, each once, in order; `scratch` is none."""
    built = needed(stages)
    return list(dict.fromkeys(stage.base.image for stage in stages if stage.base.image and stage.number in built))


def last_base(stages: Sequence[Stage]) -> str:
    """Return the image that the last stage stands on, through the stages between; it may be `scratch`."""
    stage = stages[-1]
    while stage.base.stage is not None:
        stage = stages[stage.base.stage]
    return stage.base.image or SCRATCH


def origin_of(name: str, above: Sequence[Stage], what: str = "", *, numbers: bool = True) -> Origin:
    """Return what `--from=name` means: one of the stages `above`, by name in any case or by number, or an image.

    Without `numbers`, as a mount has it, a number is no stage. Raises WorkbenchError that begins with `what` when it
    is neither.
    """
    number = _number_of(name, above)
    if numbers and number is None and name.isascii() and name.isdigit() and int(name) < len(above):
        number = int(name)
    if number is not None:
        return Origin(stage=number)
    if not any(character in name for character in "/:."):
        raise WorkbenchError(
            f"{what or f'--from={name}'}: there is no such stage above",
            hint=suggestion(name, [stage.name for stage in above if stage.name]),
        )
    return Origin(image=_checked_image(name, what or f"--from={name}"))


def scopes(
    stages: Sequence[Stage], environment: Callable[[str], Mapping[str, str]] | None = None
) -> Iterator[tuple[Stage, Instruction, Scope]]:
    """Yield every instruction of the stages with its stage, and what variables are known there.

    A stage begins with what the stage below it ends with, or with what `environment` returns for the image that it
    stands on; without that, what an image has is not known. Raises WorkbenchError, with the line, for an ARG or ENV
    that cannot be read.
    """
    ends: list[tuple[Scope, bool]] = []
    for stage in stages:
        begin, inherited, partial = {}, {}, bool(stage.base.image) and environment is None
        if stage.base.stage is not None:
            below, partial = ends[stage.base.stage]
            begin, inherited = below.environment, below.variables
        elif environment is not None and stage.base.image:
            begin = dict(environment(stage.base.image))
        scope = Scope(
            dict(begin),
            stage.arguments,
            stage.global_arguments,
            inherited=inherited,
            partial=partial,
            escape=stage.head.escape,
        )
        for item in stage.instructions:
            yield stage, item, scope
            with at_line(item.line):
                scope.take(item)
        ends.append((scope, partial))


def check_qualified(image: str, what: str, *, where: str = "") -> None:
    """Raise WorkbenchError, which begins with `what`, for an image that does not name its registry."""
    if not is_qualified(image):
        raise WorkbenchError(f"{what} does not name its registry", hint=f"write docker.io/library/{image}", where=where)


@contextmanager
def at_line(line: int, file: str = "") -> Iterator[None]:
    """Give a WorkbenchError of the body that names no place this line, of `file` if that has a name."""
    try:
        yield
    except WorkbenchError as error:
        where = error.where or (f"{file}:{line}" if file else str(line))
        raise WorkbenchError(error.message, hint=error.hint, where=where) from None


def _read_head(item: Instruction, arguments: Mapping[str, str], above: Sequence[Stage]) -> tuple[str, Origin]:
    """Return the name of the stage that a FROM begins, and what it stands on."""
    if len(item.args) not in (1, 3) or (len(item.args) == 3 and item.args[1].upper() != "AS"):
        raise WorkbenchError("FROM is followed by an image, and perhaps by AS and a name")
    name = item.args[2].lower() if len(item.args) == 3 else ""
    if name and not _STAGE_NAME.fullmatch(name):
        raise WorkbenchError(f"{item.args[2]!r} cannot name a stage", hint="use letters, digits and hyphens")
    if name and _number_of(name, above) is not None:
        raise WorkbenchError(f"the stage {name} has the name of one above")
    image = expanded(item.args[0], arguments, item.escape)
    # Names of stages are in small letters, and FROM, unlike --from, minds that (BuildKit 0.32).
    number = _number_of(image, above) if image == image.lower() else None
    if number is not None:
        return name, Origin(stage=number)
    return name, Origin() if image == SCRATCH else Origin(image=_checked_image(image, f"FROM {item.args[0]}"))


def _taken_from(stage: Stage, above: Sequence[Stage]) -> Iterator[int]:
    """Yield the numbers of the stages that a stage stands on, or may take files from."""
    if stage.base.stage is not None:
        yield stage.base.stage
    for item in stage.instructions:
        for name in (name for flag in item.flags for name in _FROM.findall(flag)):
            number = _number_of(name, above)
            if number is not None:
                yield number
            elif "$" in name or (name.isascii() and name.isdigit() and int(name) < len(above)):
                yield from range(len(above)) if "$" in name else (int(name),)
        if item.word == "ONBUILD" and "from=" in item.original.lower():
            yield from range(len(above))


def _number_of(name: str, above: Sequence[Stage]) -> int | None:
    return next((stage.number for stage in above if name and stage.name == name.lower()), None)


def _checked_image(image: str, what: str) -> str:
    if not image:
        raise WorkbenchError(f"{what} names no image: an argument has no value")
    if not is_image(image):
        raise WorkbenchError(f"{what}: {image!r} is no image and no stage above")
    return image


def is_own_platform(text: str) -> bool:
    """Return whether a platform such as `linux/amd64` or `arm64` is the one that images are built for here.

    As containerd writes them (platforms.Parse, 1.7): a system, an architecture, or both with a variant behind.
    """
    system, _, rest = text.strip().lower().partition("/")
    if not system:
        return False
    if not rest and system != "linux":
        system, rest = "linux", system
    architecture, _, variant = rest.partition("/")
    own = {"": True, "v8": ARCHITECTURE == "arm64", "v1": ARCHITECTURE == "amd64"}.get(variant, False)
    return system == "linux" and oci_architecture(architecture) == ARCHITECTURE and own


def known_arguments() -> dict[str, str]:
    """Return the arguments that every build has without being given them, with their values here.

    As BuildKit's frontend has them ("Automatic platform ARGs in the global scope", and TARGETSTAGE: the stage that is
    built, which here is the last one).
    """
    found = {"TARGETSTAGE": "default"}
    for which in ("TARGET", "BUILD"):
        found |= {f"{which}PLATFORM": f"linux/{ARCHITECTURE}", f"{which}OS": "linux", f"{which}ARCH": ARCHITECTURE}
        found |= {f"{which}OSVERSION": "", f"{which}VARIANT": ""}
    return found
