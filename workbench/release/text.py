"""Changing single lines of release files and Pipfiles: the rest is a person's, comments too, and stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping

from workbench.catalog.toml_file import line_of
from workbench.packages import normalized_name

# A line of a Pipfile: what is before the name, the name, the sign, the value, what is after it.
_PACKAGE = re.compile(r"^(\s*[\"']?)([A-Za-z0-9._-]+)([\"']?\s*=\s*)(\"[^\"]*\"|'[^']*'|\{.*\})(.*)$")
_VERSION = re.compile(r"(version\s*=\s*)(\"[^\"]*\"|'[^']*')")


def with_value(text: str, keys: tuple[str, ...], value: str) -> str:
    """Return a release file's text with the string at the key path `keys` set to `value`; its table must exist."""
    lines = text.splitlines(keepends=True)
    assignment = f"{keys[-1]} = {json.dumps(value, ensure_ascii=False)}"
    if _has(tomllib.loads(text), keys):
        at = line_of(text, keys) - 1
        # What follows the value is a comment, and stays.
        lines[at] = re.sub(r"^\s*[^=]+=\s*(\"[^\"]*\"|'[^']*')", lambda _: assignment, lines[at])
    elif len(keys) == 1:
        first = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
        lines.insert(first, f"{assignment}\n")
    else:
        lines.insert(line_of(text, keys[:-1]), f"{assignment}\n")
    changed = "".join(lines)
    if _at(tomllib.loads(changed), keys) != value:
        raise ValueError(f"{'.'.join(keys)} cannot be set in this text")
    return changed


def without_value(text: str, name: str) -> str:
    """Return a release file's text without the line that sets `name` outside any table."""
    if name not in tomllib.loads(text):
        return text
    lines = text.splitlines(keepends=True)
    del lines[line_of(text, (name,)) - 1]
    return "".join(lines)


def without_table(text: str, name: str) -> str:
    """Return a release file's text without the table or list of tables `name` and the comments right above it."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            inside = line.split("#", 1)[0].strip() in (f"[{name}]", f"[[{name}]]")
            while inside and kept and kept[-1].startswith("#"):
                kept.pop()
        # A comment after the table belongs to what follows it.
        inside = inside and not line.startswith("#")
        if not inside:
            kept.append(line)
    return "".join(kept)


def loosened(text: str, packages: Collection[str]) -> str:
    """Return a Pipfile's text in which the lines of `packages` allow any version from then on.

    What they are is in the lock and in the promise; the range that stood there is what was broken.
    """
    return "".join(_loosened(line, packages) for line in text.splitlines(keepends=True))


def _loosened(line: str, packages: Collection[str]) -> str:
    match = _PACKAGE.match(line.rstrip("\n"))
    if match is None or normalized_name(match[2]) not in packages:
        return line
    value = match[4]
    opened = _VERSION.sub(lambda match: f'{match[1]}"*"', value) if value.startswith("{") else '"*"'
    return f"{match[1]}{match[2]}{match[3]}{opened}{match[5]}\n"


def _has(data: Mapping[str, object], keys: tuple[str, ...]) -> bool:
    return _at(data, keys) is not None


def _at(data: object, keys: tuple[str, ...]) -> object:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
