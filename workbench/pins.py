"""Reading the pins of a requirement list: `name==version`, whatever follows on the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)


def normal(name: str) -> str:
    """Return the name of a Python package as all its spellings have it."""
    return name.lower().replace("_", "-")


def pins(text: str) -> Iterator[tuple[str, str]]:
    """Yield each package that is pinned in `text`, by its normal name, with its version."""
    return ((normal(name), version) for name, version in _PIN.findall(text))
