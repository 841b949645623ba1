"""Writing instructions of a Containerfile so that podman reads back just what is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from workbench.errors import WorkbenchError

# podman reads lines of at most 64 KiB (Go's bufio.Scanner), and joins those that end in a backslash.
_LONGEST = 32 * 1024
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[a-z0-9])", re.IGNORECASE)
_FLAG_SIGNS = re.compile(r"([\s\\'\"])")
_WORD_SIGNS = re.compile(r"([\\\"$])")
_JSON_SIGNS = re.compile(r"([\\\"'$])")


def literal(value: str) -> str:
    """Return a word that means `value`; raises WorkbenchError for more than one line, which no word of podman's has."""
    if "\n" in value:
        raise WorkbenchError(f"podman takes no value of more than one line: {value!r}", hint="build with BuildKit")
    return '"' + _WORD_SIGNS.sub(r"\\\1", value) + '"'


def instruction(word: str, flags: Iterable[str], words: Iterable[str]) -> str:
    """Return an instruction whose flags mean `flags`, with its words as they are written."""
    return " ".join([word, *(_FLAG_SIGNS.sub(r"\\\1", flag) for flag in flags), *words])


def in_json(words: Sequence[str]) -> str:
    """Return words in JSON form, in which variables are replaced by none."""
    return json.dumps(list(words))


def literals_in_json(words: Sequence[str]) -> str:
    """Return words in JSON form that mean just `words` where podman replaces variables."""
    return json.dumps([_JSON_SIGNS.sub(r"\\\1", word) for word in words])


def folded(line: str) -> str:
    """Return one long line as several that are joined again, none of which begins as a comment does."""
    parts = []
    while len(line) > _LONGEST:
        end = next((found.end() for found in _BREAK.finditer(line, _LONGEST)), len(line))
        parts.append(line[:end])
        line = line[end:]
    return "\\\n".join([*parts, line])
