"""Names of Python packages, and reading requirement lists: their lines as pip joins them, and their pins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name, is_normalized_name

_COMMENT = re.compile(r"(?:^|\s+)#.*$")
# A list counts when a command installs it: Jupyter's lies in a runtime recipe too, for one line of it.
_INSTALLS = re.compile(r"\bpip3? install\b([^&|;]*)")
_LIST = re.compile(r"\s(?:-r\s*|--requirement[\s=]+)=?(?P<path>[^\s&|;]+)")
_PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)


def normalized_name(name: str) -> str:
    """Return the one name of a Python package for all its spellings: `Ruamel.YAML` is `ruamel-yaml`."""
    return canonicalize_name(name)


def is_package(name: str) -> bool:
    """Return whether `name` may be the name of a Python package, in any spelling."""
    return is_normalized_name(canonicalize_name(name)) and name.isascii()


def pins(text: str) -> Iterator[tuple[str, str]]:
    """Yield each package that is pinned in `text`, by its normalised name, with its version."""
    return ((normalized_name(name), version) for name, version in _PIN.findall(text))


def installed_lists(command: str) -> Iterator[str]:
    """Yield the path of each requirement list that a shell command installs with pip or uv, as it is written there."""
    for arguments in _INSTALLS.findall(command):
        yield from (match["path"].strip("\"'") for match in _LIST.finditer(arguments))


def marker_environment(python: str) -> dict[str, str]:
    """Return what the markers of requirements see in an image: CPython's newest z of `python` ("3.11"), Linux, x86-64.

    The names are those of PEP 508, as packaging takes them.
    """
    newest = f"{python}.99"
    return {
        **{"python_version": python, "python_full_version": newest, "implementation_version": newest},
        **{"implementation_name": "cpython", "platform_python_implementation": "CPython"},
        **{"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
        "extra": "",
    }


def requirement_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of a requirement list that says something, with its number: continued ones as one, no comments.

    It is pip's reading (`pip._internal.req.req_file`, pip 26.0): a line is continued when it ends in a backslash and
    is no comment, and a backslash at the end of the list continues nothing.
    """
    joined: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if joined else number
        if line.endswith("\\") and not _COMMENT.match(line):
            joined.append(line.strip("\\"))
            continue
        # A comment ends what goes on above it, and stays one.
        joined.append(f" {line}" if "#" in line and _COMMENT.match(line) else line)
        yield from _requirement(first, joined)
        joined = []
    yield from _requirement(first, joined)


def _requirement(number: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    whole = "".join(parts)
    # Most lines have no comment, and thousands of characters.
    if plain := (_COMMENT.sub("", whole) if "#" in whole else whole).strip():
        yield number, plain
