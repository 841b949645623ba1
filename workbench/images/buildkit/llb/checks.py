"""What may stand in a build graph: every argument of a step is checked here, before a daemon sees it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from workbench.errors import WorkbenchError

# A daemon takes messages of 4 MiB; the rest of the graph has to fit beside the file.
MOST_DATA = 3 * 1024 * 1024
_VARIABLE = re.compile(r"[^=\0]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")
_MODE_TEXT = re.compile(r"[ugoarwxXst,=+-]+")
_NUMBER = re.compile(r"[0-9]{1,10}")
_HIGHEST_ID = 2**32 - 2


class StepError(WorkbenchError):
    """A step that no build graph can have: an argument of it is wrong."""


def text(value: str, what: str, *, empty: bool = False) -> str:
    """Return `value` when it has no NUL, is UTF-8 and (unless `empty`) is not empty; `what` names it."""
    if not isinstance(value, str):
        raise StepError(f"{what} must be text, not {type(value).__name__}")
    if not value and not empty:
        raise StepError(f"{what} is empty")
    if "\0" in value:
        raise StepError(f"{what} has a NUL character in it: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise StepError(f"{what} is not UTF-8: {value!r}") from None
    return value


def path(value: str, what: str) -> str:
    """Return the absolute path `value` without `.`, `..` and doubled slashes; a slash at its end stays."""
    if not text(value, what).startswith("/"):
        raise StepError(f"{what} is relative: {value!r}", hint="write it from / on")
    clean = posixpath.normpath("/" + value.lstrip("/"))
    return f"{clean}/" if value.endswith("/") and clean != "/" else clean


def place(value: str, what: str) -> str:
    """Return the path `value`, which must not be `/` itself and needs no slash at its end."""
    clean = path(value, what)
    if clean == "/":
        raise StepError(f"{what} is the root of the tree", hint="name what is meant below it")
    return clean.rstrip("/")


def mode(value: int, what: str) -> int:
    """Return the permission bits `value`: what chmod takes, 0 to 0o7777."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
        shown = oct(value) if isinstance(value, int) else repr(value)
        raise StepError(f"{what} is no mode: {shown}", hint="give permission bits in octal, such as 0o644")
    return value


def mode_text(value: str, what: str) -> str:
    """Return the changes of permission bits `value`, as chmod takes them: u=rwX,go=rX."""
    if _MODE_TEXT.fullmatch(value) is None:
        raise StepError(f"{what} is no mode: {value!r}", hint="give changes such as u=rwX,go=rX")
    return value


def number(value: int, what: str, most: int = _HIGHEST_ID) -> int:
    """Return `value` when it is a whole number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise StepError(f"{what} is not a number from 0 to {most}: {value!r}")
    return value


def account(value: str, what: str) -> tuple[str, str]:
    """Take `USER[:GROUP]` apart, each a name or a number; the group is "" when none is given."""
    user, colon, group = text(value, what).partition(":")
    for part in (user, group) if colon else (user,):
        if _ACCOUNT.fullmatch(part) is None:
            raise StepError(f"{what} is no user: {value!r}", hint="write USER or USER:GROUP, each a name or a number")
        if _NUMBER.fullmatch(part):
            number(int(part), what)
    return user, group


def variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables, sorted by name, so that their order makes no difference."""
    for name, value in values.items():
        if _VARIABLE.fullmatch(text(name, "the name of a variable")) is None:
            raise StepError(f"{name!r} is no name of a variable")
        text(value, f"the variable {name}", empty=True)
    return dict(sorted(values.items()))


def one_of(value: str, known: Iterable[str], what: str) -> str:
    """Return `value` when it is one of `known`."""
    names = list(known)
    if value not in names:
        raise StepError(f"{what} is not known: {value!r}", hint=f"known are {', '.join(map(repr, names))}")
    return value


def data(value: bytes, what: str) -> bytes:
    """Return the content of a file when a daemon takes it within a graph."""
    if not isinstance(value, bytes):
        raise StepError(f"{what} must be bytes, not {type(value).__name__}")
    if len(value) > MOST_DATA:
        raise StepError(
            f"{what} has {len(value)} bytes, and a graph holds files up to {MOST_DATA}",
            hint="copy it from a local source",
        )
    return value
