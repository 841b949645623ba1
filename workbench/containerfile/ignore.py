"""Which paths a list of patterns means, as .dockerignore writes them: `*`, `?`, `[…]`, `**`, and `!` for exceptions.

Docker reads them with moby/patternmatcher (its `ignorefile` and `patternmatcher.go` of 0.6, checked 2026-11-30).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

_SIGNS = re.compile(r"[*?\[\]\\]")


class Patterns:
    """A list of patterns, of which the last that matches counts; a path below one that matches does so too."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for pattern in patterns:
            text = pattern.strip()
            wanted = not text.startswith("!")
            plain = posixpath.normpath(text.removeprefix("!").strip() or ".").lstrip("/")
            if plain not in ("", "."):
                self._rules.append((_compiled(plain), wanted))

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


def ignored_lines(text: str) -> list[tuple[int, str]]:
    """Return the patterns of a .dockerignore with their lines; a comment has its `#` at the very beginning."""
    lines = enumerate(text.removeprefix("\ufeff").split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]


def broken(pattern: str) -> str:
    """Return why docker takes no such pattern, "" when it does: Go's filepath.Match and regexp have the last word."""
    text = pattern.removeprefix("!").strip()
    if not text:
        return "an exception of nothing"
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 == len(text):
            return "a backslash at its end"
        if text[at] == "[":
            inside, end = _set(text, at)
            if not inside:
                return "a set ([…]) that does not end, or is none"
            at = end
            continue
        at += 2 if text[at] == "\\" else 1
    return ""


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern))


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern: of the path itself, and of all below it."""
    made, at = "", 0
    while at < len(pattern):
        sign = pattern[at]
        if pattern.startswith("**", at):
            at += 3 if pattern.startswith("/", at + 2) else 2
            rest = pattern[at:]
            # Whatever ends in a plain text; before other signs, and within a pattern, it stands for whole folders.
            is_suffix = not made and not pattern.startswith("**/") and not _SIGNS.search(rest)
            made += ".*" if not rest or is_suffix else "(?:.*/)?"
            continue
        if sign == "[" and (found := _set(pattern, at))[0]:
            inside, at = found
            made += inside
            continue
        if sign == "*":
            made += "[^/]*"
        elif sign == "?":
            made += "[^/]"
        elif sign == "\\" and at + 1 < len(pattern):
            at += 1
            made += re.escape(pattern[at])
        else:
            made += re.escape(sign)
        at += 1
    return f"(?s:{made}(?:/.*)?)"


def _set(text: str, start: int) -> tuple[str, int]:
    """Return the set of letters that begins at `start`, as a regular expression, and what is behind it; "" for none.

    Only `^` negates one: `[!a]` is `!` or `a`.
    """
    at = start + 1
    negated = text.startswith("^", at)
    at += negated
    made = ""
    while at < len(text) and (text[at] != "]" or not made):
        low, at = _letter(text, at)
        high = low
        if low and text.startswith("-", at):
            high, at = _letter(text, at + 1)
        if not low or not high or low > high:
            return "", start
        made += re.escape(low) + (f"-{re.escape(high)}" if high != low else "")
    return (f"[{'^' if negated else ''}{made}]", at + 1) if made and at < len(text) else ("", start)


def _letter(text: str, at: int) -> tuple[str, int]:
    """Return the next letter of a set and what is behind it; "" where a set may not have what is there."""
    if at + 1 < len(text) and text[at] == "\\":
        return text[at + 1], at + 2
    return ("", at) if at >= len(text) or text[at] in "-]\\" else (text[at], at + 1)
