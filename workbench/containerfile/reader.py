"""From the text of a Containerfile to its plan: every instruction read as podman and BuildKit read it."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.containerfile.flags import flags_of
from workbench.containerfile.instructions import DISPATCH, StageInTheMaking
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.plan import Origin, Plan, Stage
from workbench.containerfile.sections import Sections
from workbench.containerfile.words import expanded
from workbench.errors import WorkbenchError
from workbench.names import is_image, is_qualified, suggestion

# Asks for the configuration of an image, as a registry has it.
Lookup = Callable[[str], Mapping[str, Any]]
_ESCAPE = re.compile(r"#\s*escape\s*=", re.IGNORECASE)
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Source:
    """A Containerfile to read: its text, what it is called in errors, the folder beside it, and what it is given.

    `arguments` are the build's; `lent` are variables that every stage has as if it declared them;
    `labels` are put on the last stage.
    """

    text: str
    name: str
    folder: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    lent: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def read(source: Source, lookup: Lookup) -> Plan:
    """Return what `source` amounts to; `lookup` is asked for every image that it stands on, once.

    Raises WorkbenchError, with the line, for what is unknown, not supported or cannot be.
    """
    return _Reader(source, lookup).read()


class _Reader:
    def __init__(self, source: Source, lookup: Lookup) -> None:
        self.source, self.lookup = source, lookup
        self.sections = Sections(source.text)
        self.images: dict[str, Mapping[str, Any]] = {}
        self.stages: list[Stage] = []
        self.globals: dict[str, str] = _platform()
        self.used: set[str] = set()
        self.current: StageInTheMaking | None = None

    def read(self) -> Plan:
        for number, line in enumerate(self.source.text.splitlines(), start=1):
            if not line.startswith("#"):
                break
            if _ESCAPE.match(line):
                raise WorkbenchError("another escape sign than \\ is not supported", where=self._at(number))
        try:
            parsed = instructions(self.source.text)
        except WorkbenchError as error:
            raise WorkbenchError(
                error.message, hint=error.hint, where=f"{self.source.name}:{error.where or 1}"
            ) from None
        for item in parsed:
            try:
                self._take(item)
            except WorkbenchError as error:
                raise WorkbenchError(error.message, hint=error.hint, where=error.where or self._at(item.line)) from None
        if self.current is None:
            raise WorkbenchError("no FROM: nothing to build on", where=self._at(1))
        for name, value in self.source.labels.items():
            self.current.config.label(name, value)
        self.stages.append(self.current.finished())
        return Plan(tuple(self.stages), tuple(name for name in self.source.arguments if name not in self.used))

    def _at(self, line: int) -> str:
        return f"{self.source.name}:{line}"

    def _take(self, item: Instruction) -> None:
        if item.heredoc:
            raise WorkbenchError(
                f"{item.word} with a heredoc (<<) is not supported", hint="write a file beside it, and COPY that"
            )
        if item.word == "FROM":
            if self.current is not None:
                self.stages.append(self.current.finished())
            self.current = self._stage(item)
        elif item.word == "ARG" and self.current is None:
            self._global(item)
        elif item.word not in DISPATCH:
            raise WorkbenchError(
                f"{item.word or 'this'} is no instruction that is supported",
                hint=suggestion(item.word, [*DISPATCH, "FROM"]),
            )
        elif self.current is None:
            raise WorkbenchError(f"{item.word} stands before the first FROM, where only ARG may")
        else:
            DISPATCH[item.word](self.current, item)

    def _global(self, item: Instruction) -> None:
        flags_of(item, ())
        for argument in item.args:
            name, equals, default = argument.partition("=")
            if name in self.source.arguments:
                self.used.add(name)
                self.globals[name] = self.source.arguments[name]
            elif equals:
                self.globals[name] = expanded(default, self.globals)

    def _stage(self, item: Instruction) -> StageInTheMaking:
        if flags_of(item, ("platform",)):
            raise WorkbenchError(
                "FROM --platform is not supported", hint="images are built for the machine that builds them"
            )
        if len(item.args) not in (1, 3) or (len(item.args) == 3 and item.args[1].upper() != "AS"):
            raise WorkbenchError("FROM is followed by an image, and perhaps by AS and a name")
        name = item.args[2].lower() if len(item.args) == 3 else ""
        if name and not _STAGE_NAME.fullmatch(name):
            raise WorkbenchError(f"{item.args[2]!r} cannot name a stage", hint="use letters, digits and hyphens")
        if name and any(stage.name == name for stage in self.stages):
            raise WorkbenchError(f"the stage {name} has the name of one above")
        image = expanded(item.args[0], self.globals)
        number = self._number_of(image.lower())
        if number is not None:
            below, config = Origin(stage=number), self.stages[number].config
        elif image == "scratch":
            below, config = Origin(), _EMPTY
        else:
            below = Origin(image=self._image(image, f"FROM {item.args[0]}"))
            config = self._config(image)
        making = StageInTheMaking(
            name, below, item.line, config,
            arguments=self.source.arguments, globals=self.globals, used=self.used, folder=self.source.folder,
            section=self.sections.at, origin=self._origin,
        )  # fmt: skip
        making.declared.update(self.source.lent)
        if making.config.triggers:
            raise WorkbenchError(f"{image} has ONBUILD instructions, which are not supported")
        return making

    def _origin(self, name: str) -> Origin:
        """Return what `--from=name` means: a stage above, by name or number, or an image."""
        number = self._number_of(name.lower())
        if number is None and name.isascii() and name.isdigit() and int(name) < len(self.stages):
            number = int(name)
        if number is not None:
            return Origin(stage=number)
        if not any(sign in name for sign in "/:."):
            raise WorkbenchError(
                f"--from={name}: there is no such stage above",
                hint=suggestion(name, [stage.name for stage in self.stages if stage.name]),
            )
        return Origin(image=self._image(name, f"--from={name}"))

    def _number_of(self, name: str) -> int | None:
        return next((number for number, stage in enumerate(self.stages) if name and stage.name == name), None)

    def _image(self, image: str, what: str) -> str:
        if not image:
            raise WorkbenchError(f"{what} names no image: an argument has no value")
        if not is_image(image):
            raise WorkbenchError(f"{what}: {image!r} is no image and no stage above")
        if not is_qualified(image):
            raise WorkbenchError(f"{what} does not name its registry", hint=f"write docker.io/library/{image}")
        return image

    def _config(self, image: str) -> Mapping[str, Any]:
        if image not in self.images:
            self.images[image] = self.lookup(image)
        return self.images[image]


_EMPTY: Mapping[str, Any] = {"architecture": _MACHINES.get(platform.machine(), platform.machine()), "os": "linux"}


def _platform() -> dict[str, str]:
    machine = str(_EMPTY["architecture"])
    found: dict[str, str] = {}
    for which in ("TARGET", "BUILD"):
        found |= {f"{which}PLATFORM": f"linux/{machine}", f"{which}OS": "linux", f"{which}ARCH": machine}
    return found
