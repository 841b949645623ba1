"""The folder beside a Containerfile: what COPY finds in it, and what an ignore file keeps from it."""

from __future__ import annotations

import os
import re

from workbench.errors import WorkbenchError

IGNORE_FILES = (".containerignore", ".dockerignore")
_SIGNS = re.compile(r"[*?\[\\]")


def inside(source: str) -> str:
    """Return a source of COPY as a path from the folder on; raises WorkbenchError when it leads out of it."""
    depth, parts = 0, [part for part in source.split("/") if part not in ("", ".")]
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise WorkbenchError(f"COPY {source} leads out of the folder", hint="only what is below it can be copied")
    return "/".join(parts)


def is_pattern(path: str) -> bool:
    """Return whether `path` has signs that stand for others."""
    return _SIGNS.search(path) is not None


def is_there(folder: str, path: str) -> bool:
    """Return whether `folder` has what `path` names, or anything that it matches; it is checked by `inside`."""
    if not is_pattern(path):
        return os.path.lexists(os.path.join(folder, path))
    found = [folder]
    for part in path.split("/"):
        like = pattern(part)
        found = [
            os.path.join(above, name) for above in found if os.path.isdir(above) for name in os.listdir(above)
            if like.fullmatch(name)
        ]  # fmt: skip
    return bool(found)


def pattern(text: str) -> re.Pattern[str]:
    """Return what one part of a path matches, as Go's filepath.Match has it; raises WorkbenchError if it is none."""
    made, at = "", 0
    while at < len(text):
        sign = text[at]
        if sign == "*":
            made += "[^/]*"
        elif sign == "?":
            made += "[^/]"
        elif sign == "\\" and at + 1 < len(text):
            at += 1
            made += re.escape(text[at])
        elif sign == "[":
            end = text.find("]", at + 2)
            listed = text[at + 1 : end]
            if end < 0:
                raise WorkbenchError(f"{text!r} is no pattern: a [ is not closed")
            negated = "^" if listed.startswith("^") else ""
            made += f"[{negated}{re.sub(r'([^A-Za-z0-9-])', _escaped, listed.removeprefix('^'))}]"
            at = end
        else:
            made += re.escape(sign)
        at += 1
    try:
        return re.compile(made, re.DOTALL)
    except re.error:
        raise WorkbenchError(f"{text!r} is no pattern") from None


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[1]


def ignored(folder: str) -> tuple[str, ...]:
    """Return the patterns of the folder's ignore file, none when it has none; raises WorkbenchError for a bad one."""
    for name in IGNORE_FILES:
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise WorkbenchError(f"cannot be read: {error}", where=path) from None
        return tuple(line.removeprefix("/") for line in lines if line and not line.startswith("#"))
    return ()
