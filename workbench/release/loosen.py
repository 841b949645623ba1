"""Opening the lines of a Pipfile for packages that are allowed to go beyond their promise."""

from __future__ import annotations

import re
from collections.abc import Collection

from workbench.packages import normalized_name

_LINE = re.compile(r"^(\s*[\"']?)([A-Za-z0-9._-]+)([\"']?\s*=\s*)(\"[^\"]*\"|'[^']*'|\{.*\})(.*)$")
_VERSION = re.compile(r"(version\s*=\s*)(\"[^\"]*\"|'[^']*')")


def loosened(text: str, packages: Collection[str]) -> str:
    """Return a Pipfile's text in which the lines of `packages` ask for any version from then on.

    What they are is in the lock and in the promise; the range that stood there is what was broken.
    """
    return "".join(_line(line, packages) for line in text.splitlines(keepends=True))


def _line(line: str, packages: Collection[str]) -> str:
    match = _LINE.match(line.rstrip("\n"))
    if match is None or normalized_name(match[2]) not in packages:
        return line
    value = match[4]
    opened = _VERSION.sub(lambda found: f'{found[1]}"*"', value) if value.startswith("{") else '"*"'
    return f"{match[1]}{match[2]}{match[3]}{opened}{match[5]}\n"
