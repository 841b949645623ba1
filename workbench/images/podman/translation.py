"""A Containerfile as every podman can build it: what some do not know is written in another way, with one meaning.

podman reads heredocs from 4.9 on (buildah 1.33); 4.3 runs the first line of one alone. A RUN with one becomes a RUN
in JSON form, whose words are what BuildKit runs; what COPY has below it becomes a file of a build context.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from workbench.containerfile.config import DEFAULT_SHELL
from workbench.containerfile.heredocs import SCRIPTS, InlineFile, command_of, copied_files, heredoc_word
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.scope import Scope
from workbench.containerfile.stages import Stage, at_line, scopes, stages_of

# The build context of files that stood in the Containerfile.
CONTEXT = "workbench-inline"
# podman reads lines of at most 64 KiB (Go's bufio.Scanner), and joins those that end in a backslash.
_LONGEST = 32 * 1024
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[a-z0-9])", re.IGNORECASE)

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


def translated(text: str, arguments: Mapping[str, str], lookup: Lookup) -> Translation:
    """Return the Containerfile `text`, built with `arguments`, as podman 4.3 and later can build it.

    `lookup` returns the configuration of an image, and is called for those that a heredoc's meaning depends on. Raises
    WorkbenchError, with the line, for what cannot be read.
    """
    parsed = instructions(text)
    if not any(_is_heredoc(item) for item in parsed):
        return Translation(text)
    return _Writer(lookup).translation(text, stages_of(parsed, arguments))


class _Writer:
    """Writes the instructions that are to change; `files` are those of CONTEXT so far."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._files: dict[str, PlacedFile] = {}
        # By stage: the words of its last SHELL.
        self._shells: dict[int, tuple[str, ...]] = {}

    def translation(self, text: str, stages: tuple[Stage, ...]) -> Translation:
        lines = text.splitlines(keepends=True)
        titles: dict[str, str] = {}
        changes: list[tuple[Instruction, list[str]]] = []
        for stage, item, scope in scopes(stages, self._environment):
            with at_line(item.line):
                if item.word == "SHELL" and item.json:
                    self._shells[stage.number] = item.args
                elif _is_heredoc(item):
                    changes.append((item, list(self._written(stages, stage, item, scope))))
        for item, made in reversed(changes):
            title = " ".join(" ".join([item.word, *item.flags, *item.args]).split())
            titles |= dict.fromkeys((" ".join(one.split()) for one in made), title)
            lines[item.line - 1 : item.end] = ["".join(f"{_folded(one)}\n" for one in made)]
        return Translation("".join(lines), self._files, titles)

    def _written(self, stages: tuple[Stage, ...], stage: Stage, item: Instruction, scope: Scope) -> Iterator[str]:
        if item.word == "RUN":
            words, script = command_of(item)
            flags = [_escaped(flag) for flag in item.flags]
            if script is not None:
                path = self._placed(script, 0o755)
                flags.append(f"--mount=type=bind,from={CONTEXT},source={path},target={SCRIPTS}{script.name}")
            yield " ".join(["RUN", *flags, json.dumps([*self._shell(stages, stage), *words])])
            return
        paths = [word for word in item.args[:-1] if heredoc_word(word) is None]
        if paths:
            yield _copy(item.word, item.flags, [*paths, item.args[-1]], json_form=item.json)
        # Files of a context belong to whoever owns them here, unless an owner is named.
        flags = [flag for flag in item.flags if not flag.startswith("--from=")]
        if not any(flag.startswith("--chown=") for flag in flags):
            flags.append("--chown=0:0")
        placed = [self._placed(file) for file in copied_files(item, scope.variables)]
        yield _copy("COPY", [f"--from={CONTEXT}", *flags], [*placed, item.args[-1]], json_form=item.json)

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


def _is_heredoc(item: Instruction) -> bool:
    if item.word in ("COPY", "ADD"):
        return any(heredoc_word(word) is not None for word in item.args)
    return item.word == "RUN" and bool(item.heredocs)


def _copy(word: str, flags: list[str] | tuple[str, ...], words: list[str], *, json_form: bool) -> str:
    written = [json.dumps(words)] if json_form else words
    return " ".join([word, *(_escaped(flag) for flag in flags), *written])


def _escaped(flag: str) -> str:
    """Return a flag as it is read back: spaces and quotes of its value need a backslash."""
    return re.sub(r"([\s\\'\"])", r"\\\1", flag)


def _folded(line: str) -> str:
    """Return one long line as several that are joined again, none of which begins as a comment does."""
    parts = []
    while len(line) > _LONGEST:
        end = next((found.end() for found in _BREAK.finditer(line, _LONGEST)), len(line))
        parts.append(line[:end])
        line = line[end:]
    return "\\\n".join([*parts, line])
