"""Which paths a list of patterns means, as .dockerignore writes them: `*`, `?`, `[…]`, `**`, and `!` for exceptions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence


class Patterns:
    """A list of patterns, of which the last that matches counts; a path below one that matches does so too."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for pattern in patterns:
            text = pattern.strip()
            wanted = not text.startswith("!")
            plain = posixpath.normpath(text.removeprefix("!").strip() or ".")
            parts = [part for part in plain.split("/") if part not in ("", ".")]
            if parts:
                self._rules.append((_compiled(parts), wanted))

    def __bool__(self) -> bool:
        return bool(self._rules)

    @property
    def has_exceptions(self) -> bool:
        """Whether something below a path that matches may not match."""
        return any(not wanted for _, wanted in self._rules)

    def match(self, path: str) -> bool:
        """Return whether `path` (relative, with slashes), or a folder that it lies in, is meant."""
        found = False
        for expression, wanted in self._rules:
            if wanted != found and expression.fullmatch(path):
                found = wanted
        return found


def _compiled(parts: Sequence[str]) -> re.Pattern[str]:
    try:
        return re.compile(_expression(parts))
    except re.error:
        return re.compile(re.escape("/".join(parts)))  # `[z-a]` is no set of letters, and so means itself


def _expression(parts: Sequence[str]) -> str:
    """Return the regular expression of a pattern: of the path itself, and of all below it."""
    made = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            made += ".*" if last else "(?:.*/)?"
        else:
            made += _part(part) + ("" if last else "/")
    return f"(?s:{made}(?:/.*)?)"


def _part(text: str) -> str:
    made, index = "", 0
    while index < len(text):
        sign = text[index]
        if text.startswith("**", index):
            made += ".*"
            index += 1
        elif sign == "*":
            made += "[^/]*"
        elif sign == "?":
            made += "[^/]"
        elif sign == "\\" and index + 1 < len(text):
            index += 1
            made += re.escape(text[index])
        elif sign == "[" and (end := text.find("]", index + 2)) > 0:
            inside = text[index + 1 : end]
            negated = inside[:1] in ("^", "!")
            made += f"[{'^/' if negated else ''}{_set(inside[1:] if negated else inside)}]"
            index = end
        else:
            made += re.escape(sign)
        index += 1
    return made


def _set(letters: str) -> str:
    """Return the inside of a set, with each sign as itself but the `-` between two: `re` knows more of them."""
    return re.sub(
        r"(?s)(.)-(.)|(.)", lambda found: "-".join(re.escape(each) for each in found.groups() if each), letters
    )
