"""The words of a Containerfile: quotes, escapes and variables, as its builders read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!]")
_MODIFIERS = (
    "${NAME:-word}, ${NAME:+word}, ${NAME:?word}, ${NAME%pattern}, ${NAME#pattern} and ${NAME/pattern/word} are"
)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A word with its variables replaced, and the names in it that have no value."""

    text: str
    unknown: frozenset[str]


def expansion(word: str, variables: Mapping[str, str], escape: str = "\\") -> Expansion:
    """Return `word` without its quotes and escapes, with its variables replaced, and the names that have no value.

    `$NAME`, `${NAME}` and `${NAME:-word}`, with `+` and `?` too and without the colon, mean what
    they mean in a shell; so do `%`, `%%`, `#`, `##`, `/` and `//`, whose patterns have `*` and `?`.
    A name without a value is empty. `escape` keeps the character behind it. Raises WorkbenchError for what
    cannot be read, for other modifiers, and for `${NAME:?word}` without a value.
    """
    parser = _Parser(word, variables, escape=escape)
    text = parser.until("")
    return Expansion(text, frozenset(parser.unknown))


def expanded(word: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Return the text of `expansion(word, variables, escape)`; raises what that raises."""
    return expansion(word, variables, escape).text


def expanded_text(text: str, variables: Mapping[str, str]) -> str:
    """Return the text of a heredoc with its variables replaced: quotes are characters like others in it.

    Raises WorkbenchError for what cannot be read.
    """
    return _Parser(text, variables, quotes=False).until("")


class _Parser:
    """Reads one word from left to right; `at` is the place of the next character. Without `quotes`, they are kept."""

    def __init__(self, word: str, variables: Mapping[str, str], *, quotes: bool = True, escape: str = "\\") -> None:
        self.word, self.variables, self.quotes, self.escape = word, variables, quotes, escape
        self.at = 0
        self.unknown: set[str] = set()

    def next(self) -> str:
        """Return the next character without going past it, "" at the end."""
        return self.word[self.at : self.at + 1]

    def take(self) -> str:
        """Return the next character and go past it."""
        self.at += 1
        return self.word[self.at - 1 : self.at]

    def value(self, name: str) -> str | None:
        """Return the value of a variable, None if it has none."""
        value = self.variables.get(name)
        if value is None:
            self.unknown.add(name)
        return value

    def until(self, stop: str, *, escapes: bool = False) -> str:
        """Return the text up to the character `stop` ("" for the end), and go past it; patterns keep `escapes`."""
        found: list[str] = []
        while character := self.take():
            if character == stop:
                return "".join(found)
            if character == "'" and self.quotes:
                end = self.word.find("'", self.at)
                if end < 0:
                    raise WorkbenchError("a single quote is not closed")
                found.append(self.word[self.at : end])
                self.at = end + 1
            elif character == '"' and self.quotes:
                found.append(self.quoted(escapes))
            elif character == self.escape:
                found.append((character if escapes else "") + self.take())
            elif character == "$":
                found.append(self.variable())
            else:
                found.append(character)
        if stop:
            raise WorkbenchError("${ is not closed")
        return "".join(found)

    def quoted(self, escapes: bool) -> str:
        """Return what stands in double quotes, where a backslash is one before `"`, `$` and `\\` only."""
        found: list[str] = []
        while character := self.take():
            if character == '"':
                return "".join(found)
            if character == "$":
                found.append(self.variable())
            elif character == self.escape:
                following = self.take()
                kept = escapes or not following or following not in f'"${self.escape}'
                found.append((character if kept else "") + following)
            else:
                found.append(character)
        raise WorkbenchError("a double quote is not closed")

    def variable(self) -> str:
        """Return the value of the variable behind a `$`."""
        if self.next() != "{":
            match = _NAME.match(self.word, self.at)
            if match is None:
                return "$"
            self.at = match.end()
            return self.value(match[0]) or ""
        match = _NAME.match(self.word, self.at + 1)
        if match is None:
            raise WorkbenchError("${ names no variable")
        name, self.at = match[0], match.end()
        modifier = self.take()
        if modifier == "}":
            return self.value(name) or ""
        if modifier in ("%", "#"):
            return self.trimmed(name, modifier)
        if modifier == "/":
            return self.replaced(name)
        # With a colon, an empty value is as good as none.
        colon = modifier == ":"
        modifier = self.take() if colon else modifier
        if not modifier or modifier not in "-+?":
            if not modifier and not colon:
                raise WorkbenchError("${ is not closed")
            shown = f"{':' if colon else ''}{modifier}"
            raise WorkbenchError(f"${{{name}{shown}…}} is not supported", hint=_MODIFIERS)
        other = self.until("}")
        value = self.value(name)
        is_set = bool(value) if colon else value is not None
        if modifier == "+":
            return other if is_set else ""
        if modifier == "?" and not is_set:
            raise WorkbenchError(f"{name} has no value: {other or 'it must be given'}")
        return value if is_set and value is not None else other

    def trimmed(self, name: str, modifier: str) -> str:
        """Return a value without the beginning (`#`) or end (`%`) that matches a pattern; doubled, the longest."""
        longest = self.next() == modifier
        if longest:
            self.take()
        matches = _pattern(self.until("}", escapes=True)).fullmatch
        value = self.value(name) or ""
        if modifier == "#":
            ends = range(len(value), -1, -1) if longest else range(len(value) + 1)
            return value[next((end for end in ends if matches(value[:end])), 0) :]
        starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
        return value[: next((start for start in starts if matches(value[start:])), len(value))]

    def replaced(self, name: str) -> str:
        """Return a value with the first match of a pattern replaced, or with all of them after a second `/`."""
        every = self.next() == "/"
        if every:
            self.take()
        pattern = _pattern(self.until("/", escapes=True))
        other = self.until("}", escapes=True)
        value = self.value(name) or ""
        found, end = "", 0
        for match in pattern.finditer(value):
            if match.end() == end and found:
                continue  # nothing, right behind what was replaced
            found += value[end : match.start()] + other
            end = match.end()
            if not every:
                break
        return found + value[end:]


def _pattern(text: str) -> re.Pattern[str]:
    """Return what a pattern of a modifier matches: `*` and `?` stand for others, unless a backslash is before them."""
    made, characters = "", iter(text)
    for character in characters:
        if character == "*":
            made += ".*"
        elif character == "?":
            made += "."
        elif character == "\\":
            following = next(characters, "")
            if not following or following not in "*?\\}/":
                raise WorkbenchError(f"{text!r} is no pattern: \\{following} means nothing in it")
            made += re.escape(following)
        else:
            made += re.escape(character)
    return re.compile(made)
