"""Placeholders of `.snippet` files: a few names are replaced, every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.containerfile.parser import declared_names

NAMES = (
    "APP_BUNDLE_NAME",
    "BASE_IMAGE",
    "CUDA",
    "DATE",
    "IDE_NAME",
    "IMAGE_TYPE",
    "OS_VERSION",
    "PYTHON_FOLDER",
    "PYTHON_VERSION",
    "RELEASE",
)
# ${NAME} and $NAME and nothing else: ${NAME:-x}, ${#NAME} and $NAMES belong to the build, and so does what is escaped.
_PLACEHOLDER = re.compile(rf"(?<!\\)(?:\\\\)*\$(?:\{{({'|'.join(NAMES)})\}}|({'|'.join(NAMES)})(?![A-Za-z0-9_]))")


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with the placeholders of `values` replaced.

    A name that the text itself declares with ARG or ENV is the build's, and stays; so does an escaped one, which is
    text.
    """
    if not _PLACEHOLDER.search(text):
        return text
    own = _own(text)

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        backslashes = match[0][: match[0].index("$")]
        return match[0] if name in own or name not in values else f"{backslashes}{values[name]}"

    return _PLACEHOLDER.sub(value, text)


def renamed(text: str, old: str, new: str) -> str:
    """Return a shared snippet with the one name in it that whoever uses it chooses, such as that of a list."""
    return re.sub(rf"{re.escape(old)}\b", lambda _: new, text)


def left_over(text: str) -> list[str]:
    """Return the placeholders that `text` still holds and does not declare itself."""
    found = list(_PLACEHOLDER.finditer(text))
    own = _own(text) if found else frozenset()
    return [match[0].lstrip("\\") for match in found if (match[1] or match[2]) not in own]


def _own(text: str) -> frozenset[str]:
    upper = text.upper()
    return declared_names(text) if "ARG" in upper or "ENV" in upper else frozenset()
