"""A Containerfile as every podman can build it: what it reads otherwise than BuildKit is written in another way.

Seen with podman 4.3.1 (buildah 1.28); 4.9 and later read heredocs themselves.

- A RUN with a heredoc becomes a RUN in JSON form, whose words are what BuildKit runs; what COPY has below it becomes a
  file of a build context.
- A stage has the arguments of the stage that it stands on: they are declared again.
- An ARG goes before an ENV that is above it: it becomes an ENV, and the stage ends with the ENV that there was.
- Of an ARG with several names, each may use those before it: each becomes an ARG of its own.
- `--link`, which is about caches, is left out; a text with another escape character is written with a backslash.
- A stage that the last one does not need, which podman builds too, is empty.
- Arguments that every build has are declared, and `${NAME-word}`, `${NAME%pattern}` and their like are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from workbench.containerfile.config import DEFAULT_SHELL
from workbench.containerfile.flags import size_of
from workbench.containerfile.heredocs import SCRIPTS, InlineFile, command_of, copied_files, heredoc_word
from workbench.containerfile.parser import Instruction, directive, instructions
from workbench.containerfile.scope import Scope
from workbench.containerfile.stages import SCRATCH, Origin, Stage, at_line, known_arguments, needed, scopes, stages_of
from workbench.containerfile.unknown import check_known
from workbench.errors import WorkbenchError
from workbench.images.podman.writing import folded, in_json, instruction, literal, literals_in_json

# The build context of files that stood in the Containerfile.
CONTEXT = "workbench-inline"
# Modifiers that podman 4.3 does not know (it knows `:-` and `:+`), and a shell's own variables, which it keeps.
_MODIFIER = re.compile(r"\$\{\w+(?!\w|\}|:-|:\+)|\$[@*#?$!0-9-]")
_SIZE = re.compile(r",size=([^,]*)")
# It is about caches, and the files are the same without it.
_LINK = re.compile(r"--link(?:=|$)")
_EXPANDED = {"ADD", "ARG", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}

Lookup = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of CONTEXT: its bytes and its permissions."""

    data: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Translation:
    """The text for podman, the files of CONTEXT by their paths, and what its steps are in the text before it.

    `titles` are by podman's own, on one line.
    """

    text: str
    files: Mapping[str, PlacedFile] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)


def translated(
    text: str, arguments: Mapping[str, str], lookup: Lookup, version: Sequence[int] = (4, 3), *, file: str = ""
) -> Translation:
    """Return the Containerfile `text`, built with `arguments`, as a podman of this `version` (4.3 or later) builds it.

    `lookup` returns the configuration of an image, and is called for each that a stage stands on, where any stage has
    something that may have to change. Raises WorkbenchError, with the line (of `file`), for what cannot be read, or
    what this podman cannot do however it is written.
    """
    parsed = instructions(text)
    for item in parsed:
        with at_line(item.line, file):
            check_known(item, version)
    automatic = [name for name in known_arguments() if re.search(rf"\b{name}\b", text)]
    heads = [at for at, item in enumerate(parsed) if item.word == "FROM"] or [0]
    above, stages = parsed[: heads[0]], parsed[heads[0] :]
    try:
        if not (
            automatic
            or any(len(item.args) > 1 or _has_modifier(item) for item in above)
            or any(item.word == "ARG" or _changes(item) for item in stages)
            or (len(heads) > 1 and len(heads) > len(needed(stages_of(parsed, arguments))))
        ):
            return Translation(text)
        return _Writer(lookup, arguments).translation(text, stages_of(parsed, arguments), above, automatic)
    except WorkbenchError as error:
        where = f"{file}:{error.where}" if file and error.where.isdigit() else error.where
        raise WorkbenchError(error.message, hint=error.hint, where=where) from None


def _changes(item: Instruction) -> bool:
    return _has_heredoc(item) or _has_modifier(item) or _has_link(item) or _has_size(item) or item.escape != "\\"


def _has_size(item: Instruction) -> bool:
    return item.word == "RUN" and _sized(item.flags) != list(item.flags)


def _sized(flags: Sequence[str]) -> list[str]:
    """Return flags of a RUN in which the size of a tmpfs has the name that podman has for it, in bytes."""
    return [
        _SIZE.sub(lambda match: f",tmpfs-size={size_of(match[1])}", flag) if "type=tmpfs" in flag else flag
        for flag in flags
    ]


def _has_link(item: Instruction) -> bool:
    return item.word in ("COPY", "ADD") and any(_LINK.match(flag) for flag in item.flags)


def _has_heredoc(item: Instruction) -> bool:
    if item.word in ("COPY", "ADD"):
        return any(heredoc_word(word) is not None for word in item.args)
    return item.word == "RUN" and bool(item.heredocs)


def _has_modifier(item: Instruction) -> bool:
    return item.word in _EXPANDED and any(_MODIFIER.search(word) for word in (*item.flags, *item.args))


class _Writer:
    """Writes the instructions that are to change; what it collects is of the text that it has walked through."""

    def __init__(self, lookup: Lookup, arguments: Mapping[str, str]) -> None:
        self._lookup, self._arguments = lookup, arguments
        self._files: dict[str, PlacedFile] = {}
        self._titles: dict[str, str] = {}
        # What stands in place of the lines from one place to another.
        self._edits: list[tuple[int, int, list[str]]] = []
        # By stage: the words of its last SHELL.
        self._shells: dict[int, tuple[str, ...]] = {}
        # Variables that are, for now, what an ARG says.
        self._replaced: set[str] = set()

    def translation(
        self, text: str, stages: tuple[Stage, ...], above: Sequence[Instruction], automatic: Sequence[str]
    ) -> Translation:
        known, first = known_arguments(), (above[0] if above else stages[0].head).line - 1
        self._edit(first, first, [f"ARG {name}={literal(known[name])}" for name in automatic])
        for item in above:
            if len(item.args) > 1 or _has_modifier(item):
                named = [argument.partition("=")[0] for argument in item.args]
                values = stages[0].global_arguments
                made = [self._argument(name, values[name]) for name in named if name in values]
                self._edit(item.line - 1, item.end, made, item)
        built = needed(stages)
        for stage in stages:
            if stage.number not in built:
                end = stage.instructions[-1].end if stage.instructions else stage.head.end
                self._edit(stage.head.line - 1, end, [instruction("FROM", (), [SCRATCH, *stage.head.args[1:]])])
            elif "$" in stage.head.args[0] or stage.head.escape in stage.head.args[0]:
                self._edit(stage.head.line - 1, stage.head.end, [_head(stages, stage)], stage.head)
        stages = tuple(
            stage if stage.number in built else replace(stage, base=Origin(), instructions=()) for stage in stages
        )
        last: tuple[Stage, Instruction, Scope] | None = None
        for stage, item, scope in scopes(stages, self._environment):
            with at_line(item.line):
                if last is None or last[0] is not stage:
                    self._end(last)
                    self._begin(stage, scope)
                last = stage, item, scope
                self._take(stages, stage, item, scope)
        self._end(last)
        lines = text.splitlines(keepends=True)
        if stages[0].head.escape != "\\":
            lines[directive(text, "escape")[0] - 1] = "#\n"
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        for begin, end, made in sorted(self._edits, key=lambda edit: edit[:2], reverse=True):
            lines[begin:end] = ["".join(f"{folded(one)}\n" for one in made)]
        return Translation("".join(lines), self._files, self._titles)

    def _edit(self, begin: int, end: int, made: list[str], item: Instruction | None = None) -> None:
        if made:
            self._edits.append((begin, end, made))
        if item is not None:
            title = " ".join(" ".join([item.word, *item.flags, *item.args]).split())
            self._titles |= dict.fromkeys((" ".join(one.split()) for one in made), title)

    def _begin(self, stage: Stage, scope: Scope) -> None:
        """Declare again what the stage below has declared."""
        head = stage.head
        names = sorted(name for name in scope.variables if name not in scope.environment)
        self._edit(head.end, head.end, [self._argument(name, scope.variables[name]) for name in names])

    def _end(self, last: tuple[Stage, Instruction, Scope] | None) -> None:
        """Give the image of a stage the variables that it would have without its arguments."""
        if last is not None and self._replaced:
            _, item, scope = last
            made = [f"ENV {name}={literal(scope.environment[name])}" for name in sorted(self._replaced)]
            self._edit(item.end, item.end, made)
        self._replaced = set()

    def _take(self, stages: tuple[Stage, ...], stage: Stage, item: Instruction, scope: Scope) -> None:
        if item.word == "SHELL" and item.json:
            self._shells[stage.number] = item.args
        elif item.word == "ENV":
            self._replaced -= scope.pairs(item).keys()
        made: list[str] = []
        if item.word == "ARG":
            made = self._arguments_of(item, scope)
        elif _has_heredoc(item) or (item.word == "RUN" and item.escape != "\\"):
            made = list(self._without_heredoc(stages, stage, item, scope))
        elif _has_modifier(item) or (item.escape != "\\" and item.word in _EXPANDED):
            made = [_resolved(item, scope)]
        elif item.escape != "\\":
            made = [_plain(item)]
        elif _has_size(item):
            made = [instruction("RUN", _sized(item.flags), [in_json(item.args)] if item.json else item.args)]
        elif _has_link(item):
            words = [in_json(item.args)] if item.json else item.args
            made = [instruction(item.word, _unlinked(item.flags), words)]
        if made:
            self._edit(item.line - 1, item.end, made, item)

    def _arguments_of(self, item: Instruction, scope: Scope) -> list[str]:
        """Return an ARG as podman takes it, nothing where it takes it as it is."""
        scope, made, same = scope.copy(), [], len(item.args) == 1 and not _has_modifier(item)
        for argument in item.args:
            name, equals, _ = argument.partition("=")
            known = scope.variables.get(name)
            scope.declare(replace(item, args=(argument,)))
            value = scope.variables.get(name)
            if value is not None and name in scope.environment:
                changes = value != scope.environment[name] or name in self._replaced
                if changes:
                    self._replaced.add(name)
                    made.append(f"ENV {name}={literal(value)}")
                    same = False
                continue
            if value is None or (equals and not _MODIFIER.search(argument)):
                made.append(f"ARG {argument}")
            else:
                made.append(self._argument(name, value))
                same = same and known is None
        return [] if same else made or [f"ARG {item.args[0].partition('=')[0]}"]

    def _argument(self, name: str, value: str) -> str:
        return f"ARG {name}" if name in self._arguments else f"ARG {name}={literal(value)}"

    def _without_heredoc(
        self, stages: tuple[Stage, ...], stage: Stage, item: Instruction, scope: Scope
    ) -> Iterator[str]:
        if item.word == "RUN":
            words, script = command_of(item)
            flags = _sized(item.flags)
            if script is not None:
                path = self._placed(script, 0o755)
                flags.append(f"--mount=type=bind,from={CONTEXT},source={path},target={SCRIPTS}{script.name}")
            shell = () if item.json else self._shell(stages, stage)
            yield instruction("RUN", flags, [in_json([*shell, *words])])
            return
        paths = tuple(word for word in item.args[:-1] if heredoc_word(word) is None)
        if paths:
            yield _resolved(replace(item, args=(*paths, item.args[-1])), scope)
        # Files of a context belong to whoever owns them here, unless an owner is named.
        flags = [scope.expanded(flag) for flag in _unlinked(item.flags) if not flag.startswith("--from=")]
        if not any(flag.startswith("--chown=") for flag in flags):
            flags.append("--chown=0:0")
        placed = [self._placed(file) for file in copied_files(item, scope.variables)]
        copied = literals_in_json([*placed, scope.expanded(item.args[-1])])
        yield instruction("COPY", [f"--from={CONTEXT}", *flags], [copied])

    def _placed(self, file: InlineFile, mode: int = 0o644) -> str:
        """Return the path of a file in CONTEXT: it changes with the content, and so does the step that names it."""
        path = f"{mode:o}-{sha256(file.data).hexdigest()}/{file.name}"
        self._files[path] = PlacedFile(file.data, mode)
        return path

    def _shell(self, stages: tuple[Stage, ...], stage: Stage) -> tuple[str, ...]:
        """Return the shell of a stage where it is now: of its last SHELL, of the stage below it, or of an image."""
        while stage.number not in self._shells and stage.base.stage is not None:
            stage = stages[stage.base.stage]
        if stage.number in self._shells or not stage.base.image:
            return self._shells.get(stage.number, DEFAULT_SHELL)
        return tuple(self._config(stage.base.image).get("Shell") or DEFAULT_SHELL)

    def _environment(self, image: str) -> Mapping[str, str]:
        return dict(entry.split("=", 1) for entry in self._config(image).get("Env") or () if "=" in entry)

    def _config(self, image: str) -> Mapping[str, Any]:
        return self._lookup(image).get("config") or {}


def _head(stages: Sequence[Stage], stage: Stage) -> str:
    """Return the FROM of a stage with its variables replaced; a stage without a name has none in them."""
    below = stage.base.image or SCRATCH if stage.base.stage is None else stages[stage.base.stage].name
    return instruction("FROM", stage.head.flags, [below, *stage.head.args[1:]])


def _unlinked(flags: Sequence[str]) -> list[str]:
    return [flag for flag in flags if not _LINK.match(flag)]


def _plain(item: Instruction) -> str:
    """Return an instruction, of whose words none is replaced, as it is where a backslash escapes."""
    if item.word == "ONBUILD":
        return item.original
    if item.json:
        # The first words of a HEALTHCHECK stand before the JSON.
        count = 1 if item.word == "HEALTHCHECK" else 0
        return instruction(item.word, item.flags, [*item.args[:count], in_json(item.args[count:])])
    if item.args and item.args[-1].endswith("\\"):
        raise WorkbenchError(f"podman cannot read a {item.word} that ends in a backslash", hint="write it in JSON form")
    return instruction(item.word, item.flags, item.args)


def _resolved(item: Instruction, scope: Scope) -> str:
    """Return an instruction with its variables replaced."""
    flags = [scope.expanded(flag) for flag in _unlinked(item.flags)]
    if item.word in ("ENV", "LABEL"):
        pairs = scope.pairs(item).items()
        return instruction(item.word, flags, [f"{literal(name)}={literal(value)}" for name, value in pairs])
    values = [scope.expanded(word) for word in item.args]
    if item.word in ("COPY", "ADD", "VOLUME"):
        return instruction(item.word, flags, [literals_in_json(values)])
    if item.word == "EXPOSE":
        values = [port for value in values for port in value.split()]
    return instruction(item.word, flags, [literal(value) for value in values])
