"""Heredocs: text that stands below an instruction, up to a word of its own (`RUN <<EOF`, `COPY <<EOF /etc/motd`).

They are read as BuildKit's frontend reads them (docker/dockerfile 1.4 and later).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.containerfile.parser import Instruction
from workbench.containerfile.words import expanded_text
from workbench.errors import WorkbenchError

_WORD = re.compile(r"\d*<<(?P<chomps>-?)(?P<name>[^<]+)")
_TABS = re.compile(r"^\t+", re.MULTILINE)
# What a word of a shell is made of: quoted text, one escaped character, one plain one.
_PIECE = re.compile(
    r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\(?P<escaped>.)|(?P<plain>[^\\'\"\s])", re.DOTALL
)
_IN_QUOTES = re.compile(r'\\(["$\\])')
# Where a script of a RUN is while it runs.
SCRIPTS = "/dev/pipes/"


@dataclass(frozen=True, slots=True)
class HeredocWord:
    """A word that begins a heredoc: its name, whether variables are replaced, whether tabs in front of lines go.

    Quotes keep variables as they are; a backslash, unlike in a shell, does not (BuildKit 0.32).
    """

    name: str
    expands: bool
    chomps: bool

    def file(self, text: str) -> str:
        """Return the text of the file that the heredoc is, variables as they are."""
        return _TABS.sub("", text) if self.chomps else text


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file whose text stands in the Containerfile: its name, which is no path, and its bytes."""

    name: str
    data: bytes


def heredoc_word(word: str) -> HeredocWord | None:
    """Return what `word` begins, None when it begins no heredoc: `<<EOF`, `<<-EOF`, `3<<"EOF"`."""
    match = _WORD.fullmatch(word)
    if match is None:
        return None
    name, at, quoted = "", 0, False
    while at < len(match["name"]):
        piece = _PIECE.match(match["name"], at)
        if piece is None:
            return None
        quoted = quoted or piece["single"] is not None or piece["double"] is not None
        name += piece["plain"] or piece["escaped"] or piece["single"] or _IN_QUOTES.sub(r"\1", piece["double"] or "")
        at = piece.end()
    return HeredocWord(name, not quoted, match["chomps"] == "-") if name else None


def copied_files(item: Instruction, variables: Mapping[str, str]) -> tuple[InlineFile, ...]:
    """Return the files that a COPY or ADD has below it, with `variables` replaced.

    Raises WorkbenchError for a heredoc where none can be, with a name that is no file's, or that cannot be read.
    """
    words = _words(item)
    # Of two heredocs of one name, the later one counts for both.
    texts = {doc.name: doc.text for doc in item.heredocs}
    files = []
    for word in words:
        text = word.file(texts.get(word.name, ""))
        text = expanded_text(text, variables) if word.expands else text
        files.append(InlineFile(word.name, text.encode(errors="surrogateescape")))
    return tuple(files)


def check_files(item: Instruction) -> None:
    """Raise WorkbenchError as `copied_files` does, but for variables, of which nothing is known."""
    _words(item)


def _words(item: Instruction) -> list[HeredocWord]:
    if item.args and heredoc_word(item.args[-1]) is not None:
        raise WorkbenchError(f"{item.word} cannot have a heredoc as its destination")
    words = [word for source in item.args[:-1] if (word := heredoc_word(source))]
    for word in words:
        _check_name(item, word.name)
    return words


def command_of(item: Instruction) -> tuple[tuple[str, ...], InlineFile | None]:
    """Return the words of a RUN with what its heredocs make of them, and the script that it is.

    A heredoc alone is the command, or with `#!` a script that is run; others are for the shell to read. Raises
    WorkbenchError for a heredoc in JSON form, and for a script with a name that is no file's.
    """
    if not item.heredocs:
        return item.args, None
    if item.json or len(item.args) != 1:
        raise WorkbenchError("RUN in JSON form cannot have a heredoc")
    word = heredoc_word(item.args[0])
    if word is None:
        return (item.command,), None
    text = word.file(item.heredocs[0].text)
    if item.heredocs[0].text.startswith("#!"):
        _check_name(item, word.name)
        return (f"{SCRIPTS}{word.name}",), InlineFile(word.name, text.encode(errors="surrogateescape"))
    return (text,), None


def _check_name(item: Instruction, name: str) -> None:
    if "/" in name or name in (".", ".."):
        raise WorkbenchError(f"{item.word} <<{name}: a heredoc of this name cannot be a file", hint="write <<EOF")
