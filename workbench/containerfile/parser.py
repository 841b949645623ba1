"""Reading a Containerfile's instructions, with BuildKit's own parser (the `dockerfile` package)."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from workbench.errors import WorkbenchError

# They stand at the top, before comments and instructions (docker/dockerfile, "Parser directives").
_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>.+?)\s*")

# Of a line with the first, the parser overlooks the second (`dockerfile` 3.4; BuildKit's later one does not).
_PATTERN = re.compile(r"\$\{\w+[#%/^]")
# What stands before the list of an instruction in JSON form: words, and flags.
_LIST = re.compile(r"\s*(?:[A-Za-z]+\s+(?:--\S+\s+)*)+\[")
_HEREDOC = re.compile(r"(?:^|\s)\d*<<-?[^<\s]")


def _import_parser() -> ModuleType:
    """Import the parser. It is Go inside, and Go's runtime takes a thread for each core that it is given.

    One is enough for one file; that saves a tenth of a whole `new`. Afterwards the environment is as
    before: podman is Go too, and must not inherit this.
    """
    before = os.environ.get("GOMAXPROCS")
    os.environ["GOMAXPROCS"] = "1"
    try:
        return importlib.import_module("dockerfile")
    finally:
        if before is None:
            del os.environ["GOMAXPROCS"]
        else:
            os.environ["GOMAXPROCS"] = before


dockerfile = _import_parser()


@dataclass(frozen=True, slots=True)
class Heredoc:
    """Text that stands below an instruction, as it is written there, up to a line that is its name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, flags, words, whether it is in JSON form, first line (from 1).

    `heredocs` are the texts that stand below its words, and `end` is its last line, with them; `escape` is the
    character that keeps the next one as it is, in its words too. `original` is its text, lines joined.
    """

    word: str
    flags: tuple[str, ...]
    args: tuple[str, ...]
    json: bool
    line: int
    heredocs: tuple[Heredoc, ...] = ()
    end: int = 0
    escape: str = "\\"
    original: str = ""

    @property
    def command(self) -> str:
        """Its words with the heredocs below them, as a shell reads them."""
        return "\n".join([" ".join(self.args), *(doc.text + doc.name for doc in self.heredocs)])

    @property
    def body(self) -> int:
        """The line where its heredocs begin; the line behind the instruction when it has none."""
        return self.end + 1 - sum(doc.text.count("\n") + 1 for doc in self.heredocs)


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Containerfile or of a part of one.

    Raises WorkbenchError, with the line where the parser names it, when the text cannot be read.
    """
    return list(_instructions(text))


# Who composes a recipe reads the same text for what it starts, what is wrong with it and what it downloads.
@functools.lru_cache(maxsize=8)
def _instructions(text: str) -> tuple[Instruction, ...]:
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return ()
    escape, lines = escape_of(text), text.split("\n")
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        line = re.search(r"line (\d+)", str(error))
        raise WorkbenchError(f"the Containerfile cannot be read: {error}", where=line[1] if line else "") from None
    for command in commands:
        # A command of nothing but spaces has no text.
        original = command.original or ""
        if not command.heredocs and _PATTERN.search(original) and _HEREDOC.search(original):
            raise WorkbenchError(
                "a heredoc cannot be read beside a variable with a pattern, such as ${V%x}",
                where=str(command.start_line),
                hint="give what it makes a name of its own, by an ARG or ENV above",
            )
        if command.json and (rest := _behind_json(original)):
            raise WorkbenchError(
                f"{rest} stands behind what is written in JSON form",
                where=str(command.start_line),
                hint="a comment has a line of its own",
            )
    # A line of nothing but signs that Go takes for spaces is a command without a name.
    return tuple(
        Instruction(
            (c.cmd or "").upper(), c.flags, c.value, c.json, c.start_line,
            tuple(Heredoc(doc.name, doc.content) for doc in c.heredocs), c.end_line, escape,
            _original(c, lines, escape),
        )
        for c in commands
    )  # fmt: skip


def _behind_json(original: str) -> str:
    """Return what follows the list of an instruction in JSON form.

    The parser takes the list and leaves the rest out, and so did Docker; BuildKit's later one takes all of it as words.
    """
    begin = _LIST.match(original)
    if begin is None:
        return ""
    try:
        _, end = json.JSONDecoder().raw_decode(original, begin.end() - 1)
    except ValueError:
        return ""
    return original[end:].strip()


def _original(command: Any, lines: Sequence[str], escape: str) -> str:  # noqa: ANN401, the parser has no types
    """Return the text of an instruction; that of a heredoc behind ONBUILD, which the parser leaves out, is added."""
    if (command.cmd or "").upper() != "ONBUILD":
        return str(command.original or "")
    own = lines[command.start_line - 1 : command.end_line]
    head = 1
    while head < len(own) and (own[head - 1].rstrip().endswith(escape) or own[head].lstrip()[:1] in ("", "#")):
        head += 1
    return "\n".join([str(command.original or ""), *own[head:]])


def escape_of(text: str) -> str:
    """Return the character that escapes others: the one that a directive at the top names, else a backslash."""
    return directive(text, "escape")[1] or "\\"


def directive(text: str, name: str) -> tuple[int, str]:
    """Return the line (from 1) and the value of the directive `name` at the top of a Containerfile, else 0 and ""."""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _DIRECTIVE.fullmatch(line)
        if match is None:
            break
        if match["name"].lower() == name:
            return number, match["value"]
    return 0, ""


def declared_names(text: str) -> frozenset[str]:
    """Return the names that ARG and ENV instructions of `text` declare; none if it cannot be read."""
    try:
        return frozenset(declared(instructions(text)))
    except WorkbenchError:
        return frozenset()


def declared(parsed: Iterable[Instruction]) -> Iterator[str]:
    """Yield the names that ARG and ENV instructions declare."""
    for instruction in parsed:
        if instruction.word == "ARG":
            yield from (argument.partition("=")[0] for argument in instruction.args)
        elif instruction.word == "ENV":
            yield from instruction.args[::2]
