"""The words of a Containerfile: quotes, escapes and variables, as its builders read them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.errors import WorkbenchError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!]")


def expanded(word: str, variables: Mapping[str, str]) -> str:
    """Return `word` without its quotes and escapes, and with its variables replaced.

    `$NAME`, `${NAME}` and `${NAME:-word}`, with `+` and `?` too and without the colon, mean what
    they mean in a shell; a name that nothing is known of is empty. Raises WorkbenchError for what
    cannot be read, for other modifiers, and for `${NAME:?word}` without a value.
    """
    text, _ = _read(word, 0, variables, "")
    return text


def _read(word: str, at: int, variables: Mapping[str, str], stop: str) -> tuple[str, int]:
    """Read from `at` to the sign `stop` ("" for the end); return the text and the place behind it."""
    found: list[str] = []
    while at < len(word):
        sign = word[at]
        if sign == stop:
            return "".join(found), at + 1
        if sign == "'":
            end = word.find("'", at + 1)
            if end < 0:
                raise WorkbenchError("a single quote is not closed")
            found.append(word[at + 1 : end])
            at = end + 1
        elif sign == '"':
            text, at = _quoted(word, at + 1, variables)
            found.append(text)
        elif sign == "\\":
            found.append(word[at + 1 : at + 2])
            at += 2
        elif sign == "$":
            text, at = _variable(word, at + 1, variables)
            found.append(text)
        else:
            found.append(sign)
            at += 1
    if stop:
        raise WorkbenchError("${ is not closed")
    return "".join(found), at


def _quoted(word: str, at: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Read what stands in double quotes from `at` on, where a backslash is one before `"`, `$` and `\\` only."""
    found: list[str] = []
    while at < len(word):
        sign = word[at]
        if sign == '"':
            return "".join(found), at + 1
        if sign == "$":
            text, at = _variable(word, at + 1, variables)
            found.append(text)
        elif sign == "\\":
            following = word[at + 1 : at + 2]
            found.append(following if following and following in '"$\\' else sign + following)
            at += 2
        else:
            found.append(sign)
            at += 1
    raise WorkbenchError("a double quote is not closed")


def _variable(word: str, at: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Read the variable behind a `$`; return its value and the place behind it."""
    if word[at : at + 1] != "{":
        match = _NAME.match(word, at)
        return (variables.get(match[0], ""), match.end()) if match else ("$", at)
    match = _NAME.match(word, at + 1)
    if match is None:
        raise WorkbenchError("${ names no variable")
    name, at = match[0], match.end()
    value = variables.get(name)
    if word[at : at + 1] == "}":
        return value or "", at + 1
    # With a colon, an empty value is as good as none.
    colon = word[at : at + 1] == ":"
    modifier = word[at + colon : at + colon + 1]
    if not modifier or modifier not in "-+?":
        shown = word[at : at + colon + 1]
        raise WorkbenchError(
            f"${{{name}{shown}…}} is not supported" if shown else "${ is not closed",
            hint="${NAME:-word}, ${NAME:+word} and ${NAME:?word} are" if shown else "",
        )
    other, at = _read(word, at + colon + 1, variables, "}")
    has = bool(value) if colon else value is not None
    if modifier == "+":
        return other if has else "", at
    if modifier == "?" and not has:
        raise WorkbenchError(f"{name} has no value: {other or 'it must be given'}")
    return value if has and value is not None else other, at
