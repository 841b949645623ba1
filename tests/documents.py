"""Reading the documents: their commands, links, anchors and paths, and what is wrong with them.

Commands are parsed by the command line's own parsers and are not run.
"""

from __future__ import annotations

import argparse
import io
import os
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from unittest.mock import patch

from tests.catalogues import REPOSITORY
from workbench import verbs
from workbench.cli import VERBS, main

SHELL = ("sh", "bash")

# Folders at the top that no clone has.
LOCAL = {"recipes", "logs", "build", "dist"}

# Flags of other programs that stand by themselves in the text: the front's, podman's.
FOREIGN_FLAGS = {"--health", "--port", "--port-proxy", "--ServerApp.port", "--NotebookApp.port", "--volume"}

# Paths that the documents show and that the repository need not have: parts of a bundle, of a prefix, of an example.
EXAMPLES = {
    *("recipe.toml", ".snippet", ".snippet.j2", "stage/"),
    *("os/os-packages.txt", "builder/builder.snippet", "builder/files/"),
    *("releases/2026b/bundles", "monobase/generations/g00004.toml"),
}

_FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*(\w*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
_PATH = re.compile(r"^[\w.@*-]+(?:/[\w.@*-]+)*/?$")
_SUFFIXES = (".py", ".toml", ".sh", ".snippet", ".j2", ".yaml", ".svg", ".md", ".service")
_PLACEHOLDER = re.compile(r"(?:^|[./_-])(?:(?!README|LICENSE|DEVELOPMENT|CHANGELOG)[A-Z]{2,}|N)(?:$|[./_-])")
_ASSIGNMENT = re.compile(r"^[A-Z_][A-Z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that begins on `line` (from 1), with the language it names."""

    line: int
    language: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class Document:
    """A document, taken apart: lines of prose with their numbers (code spans too), and its fenced blocks."""

    path: Path
    prose: list[tuple[int, str]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        found: list[str] = []
        for _, line in self.prose:
            if heading := _HEADING.match(line):
                text = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
                found.append(f"{text}-{found.count(text)}" if text in found else text)
        return set(found)

    @property
    def spans(self) -> Iterator[tuple[int, str]]:
        """The code spans of its prose, each with its line."""
        for number, line in self.prose:
            for span in _SPAN.finditer(line):
                yield number, span[2].strip()


def read(path: Path, text: str | None = None) -> Document:
    """Take the document at `path` apart, or `text` as if it stood there."""
    document = Document(path)
    fence, language, begin = "", "", 0
    inside: list[str] = []
    for number, line in enumerate((path.read_text(encoding="utf-8") if text is None else text).splitlines(), 1):
        mark = _FENCE.match(line)
        if not fence and mark:
            fence, language, begin, inside = mark[2], mark[3], number, []
        elif fence and line.strip() == fence:
            document.blocks.append(Block(begin, language, tuple(inside)))
            fence = ""
        elif fence:
            inside.append(line)
        else:
            document.prose.append((number, line))
    assert not fence, f"{path}:{begin}: the fenced block has no end"
    return document


def faults(document: Document) -> list[str]:
    """Return all that is wrong with `document`, each fault as `path:line: what`."""
    named = os.path.relpath(document.path, REPOSITORY)
    found = [
        *_faults_of_blocks(document),
        *_faults_of_spans(document),
        *_faults_of_links(document),
    ]
    return [f"{named}:{number}: {fault}" for number, fault in sorted(found)]


def _faults_of_blocks(document: Document) -> Iterator[tuple[int, str]]:
    for block in document.blocks:
        if block.language == "toml":
            try:
                tomllib.loads("\n".join(block.lines))
            except tomllib.TOMLDecodeError as wrong:
                yield block.line, f"this is no TOML: {wrong}"
        if block.language not in SHELL:
            continue
        made: set[str] = set()
        for offset, text in joined(block.lines):
            for words in simple_commands(text):
                if words[0] == "mkdir":
                    made |= {_top_two(word) for word in words[1:]}
                if fault := command_fault(words):
                    yield block.line + offset, fault
                for word in words:
                    path = word.partition("=")[2] if _ASSIGNMENT.match(word) else word
                    if _is_in_repository(path) and _top_two(path) not in made and not exists(path):
                        yield block.line + offset, f"there is no {path}"


def _faults_of_spans(document: Document) -> Iterator[tuple[int, str]]:
    for number, line in document.prose:
        if "`" in _SPAN.sub("", line):
            yield number, "a code span goes on in the next line, where it is not checked"
    for number, span in document.spans:
        words = _words(span)
        if span.startswith("--"):
            unknown = [word for word in words if word.startswith("--") and not _is_known_flag(word)]
            yield from ((number, f"no verb takes {flag}") for flag in unknown)
        elif words and (len(words) > 1 or words[0] in ("make", "wizard.py")):
            whole = ["wizard.py", *words] if words[0] in VERBS else words
            if fault := command_fault(whole, complete=False):
                yield number, f"`{span}`: {fault}"
        elif _is_path(span) and not _is_example(span) and not exists(span):
            yield number, f"there is no {span}"


def _faults_of_links(document: Document) -> Iterator[tuple[int, str]]:
    for number, line in document.prose:
        for link in _LINK.finditer(_SPAN.sub("", line) if "](" not in line else line):
            target = link[1] or link[2]
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            at = (document.path.parent / path).resolve() if path else document.path
            if path and not at.exists():
                yield number, f"the link {target} leads nowhere"
            elif anchor and anchor not in (read(at).anchors if path else document.anchors):
                yield number, f"the link {target} names a heading that is not there"


# Commands


def joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the commands of a block with the offset of their first line; a backslash goes on to the next line."""
    text, begin = "", 1
    for offset, line in enumerate(lines, 1):
        begin = begin if text else offset
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield begin, text
            text = ""


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command in a line of shell, what stands in `$(…)` included."""
    for inner in _SUBSTITUTION.findall(text):
        yield from simple_commands(inner)
    lexer = shlex.shlex(_SUBSTITUTION.sub("20261122", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def _words(span: str) -> list[str]:
    try:
        commands = list(simple_commands(span))
    except ValueError:  # a quote that has no end: code, and no command
        return []
    return commands[0] if commands else []


def command_fault(words: Sequence[str], *, complete: bool = True) -> str:
    """Return what is wrong with a command of ours, "" when nothing is or when it is another program's.

    One that is not `complete` may lack arguments that must be given, as in "`release freeze` makes a copy".
    """
    words = [word for word in words if word != "…"] if not complete else list(words)
    while words and (_ASSIGNMENT.match(words[0]) or words[0] in ("sudo", "export", "env", "exec")):
        words = words[1:]
    if "<" in words or ">" in words:
        words = words[: min(words.index(sign) for sign in "<>" if sign in words)]
    if not words:
        return ""
    if words[0] == "make":
        return _make_fault(words[1:])
    if os.path.basename(words[0]).startswith("python") and len(words) > 1:
        if words[1] == "-m" and len(words) > 2 and words[2].partition(".")[0] in ("workbench", "tests", "benchmarks"):
            return "" if exists(words[2].replace(".", "/")) else f"there is no module {words[2]}"
        words = words[1:]
    if os.path.basename(words[0]) not in ("wizard.py", "workbench-images"):
        return ""
    return _wizard_fault(["1" if word == "N" else word for word in words[1:]], complete)


def _make_fault(words: Sequence[str]) -> str:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    for word in words:
        name, assigns, _ = word.partition("=")
        if assigns and not re.search(rf"\$[({{]{name}\b|\$\(foreach \w+,\$\({name}\)|^{name} \?=", makefile, re.M):
            return f"the Makefile has no variable {name}"
        if not assigns and word not in targets:
            return f"the Makefile has no target {word}"
    return ""


class _Parsed(BaseException):
    """The command line was understood; raised in place of running it."""


@dataclass(slots=True)
class _Parsers:
    """The parsers that a command line went through, sub-parsers included."""

    used: list[argparse.ArgumentParser] = field(default_factory=list)

    @property
    def flags(self) -> set[str]:
        return {flag for parser in self.used for flag in parser._option_string_actions}


def _wizard_fault(words: Sequence[str], complete: bool) -> str:
    parsers, message = _parsed(words)
    if not message or (not complete and re.search("arguments are required|expected .*argument", message)):
        ends = words.index("--") if "--" in words else len(words)
        named = [word.partition("=")[0] for word in words[:ends] if re.match(r"--\w", word)]
        # Only what follows --cmd belongs to another program.
        named = named[: named.index("--cmd") + 1] if "--cmd" in named else named
        unknown = [flag for flag in named if flag not in parsers.flags and flag != "--version"]
        return f"no flag {unknown[0]}" if unknown else ""
    return message


def _parsed(words: Sequence[str]) -> tuple[_Parsers, str]:
    """Parse a command line of the tool and run nothing. Return the parsers and the complaint, "" when all is well."""
    parsers = _Parsers()
    parse, parse_known = argparse.ArgumentParser.parse_args, argparse.ArgumentParser.parse_known_args

    def parse_args(
        parser: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        parsed = parse(parser, args, namespace)
        # A verb with subverbs parses twice: the rest of the words are the subverb's.
        if getattr(parsed, "subverb", None):
            return parsed
        raise _Parsed

    def parse_known_args(
        parser: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        parsers.used.append(parser)
        return parse_known(parser, args, namespace)

    stderr = io.StringIO()
    with (
        patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        patch.object(argparse.ArgumentParser, "parse_known_args", parse_known_args),
        redirect_stderr(stderr),
        redirect_stdout(io.StringIO()),
    ):
        try:
            code = main(list(words))
        except (_Parsed, SystemExit):  # argparse ends by itself after --help
            return parsers, ""
    return parsers, stderr.getvalue().strip() if code else ""


@cache
def known_flags() -> frozenset[str]:
    """Return every flag that some verb or subverb takes."""
    flags: set[str] = {"--version"}
    for verb in VERBS:
        lines = [[verb]]
        for module in pkgutil.iter_modules(verbs.__path__):
            if module.ispkg and module.name == verb.replace("-", "_"):
                below = pkgutil.iter_modules([os.path.join(next(iter(verbs.__path__)), module.name)])
                lines.extend([verb, subverb.name.rstrip("_").replace("_", "-")] for subverb in below)
        for line in lines:
            for parser in _parsed([*line, "--help"])[0].used:
                flags |= _all_flags(parser)
    return frozenset(flags)


def _all_flags(parser: argparse.ArgumentParser) -> set[str]:
    flags = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                flags |= _all_flags(below)
    return flags


def _is_known_flag(word: str) -> bool:
    flag = word.partition("=")[0]
    return flag == "--" or flag in known_flags() or flag in FOREIGN_FLAGS


# Paths


@cache
def _repository_paths() -> tuple[str, ...]:
    """Every file and folder of the repository as `/path`; folders end in a slash."""
    found: list[str] = []
    for folder, folders, files in os.walk(REPOSITORY):
        top = folder == str(REPOSITORY)
        at = "/" if top else "/" + os.path.relpath(folder, REPOSITORY)
        folders[:] = [name for name in folders if name != "__pycache__" and not (top and _is_local(name))]
        inside = at if top else f"{at}/"
        found.extend([inside + name for name in files] + [f"{inside}{name}/" for name in folders])
    return tuple(found)


def _is_local(name: str) -> bool:
    return name in LOCAL or bool(re.match(r"\.(?!ci$)[a-z]", name))


@cache
def exists(path: str) -> bool:
    """Return whether the repository has `path`: from its top, or the end of a path, or folders in the middle of one.

    So `images/builder.py` may be written for `workbench/images/builder.py`. A `*` stands for any part of a name.
    """
    text = "/" + path.removeprefix("./").rstrip("/")
    pattern = re.compile(re.escape(text).replace(r"\*", "[^/]*") + ("/$" if path.endswith("/") else r"(?:\.py)?/?$"))
    return any(pattern.search(one) for one in _repository_paths())


def _is_path(span: str) -> bool:
    """Return whether a code span is a path, or the name of a file of some kind that the repository has."""
    return bool(_PATH.match(span)) and ("/" in span or span.endswith(_SUFFIXES))


def _top_two(path: str) -> str:
    return "/".join(path.split("/")[:2])


def _is_in_repository(path: str) -> bool:
    """Return whether `path` begins in a folder at the top of the repository and has no placeholder."""
    top, slash, _ = path.partition("/")
    return bool(top and slash) and not _is_local(top) and (REPOSITORY / top).is_dir() and not _is_example(path)


def _is_example(path: str) -> bool:
    """Return whether `path` is one of the examples, or has a placeholder in capitals such as NAME."""
    return path in EXAMPLES or _is_local(path.partition("/")[0]) or bool(_PLACEHOLDER.search(path))
