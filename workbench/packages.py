"""Names of Python packages, and the pins of requirement lists: `name==version`, whatever follows on the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

_PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)


def normalized_name(name: str) -> str:
    """Return the one name of a Python package for all its spellings: `Ruamel.YAML` is `ruamel-yaml`."""
    return canonicalize_name(name)


def pins(text: str) -> Iterator[tuple[str, str]]:
    """Yield each package that is pinned in `text`, by its normalised name, with its version."""
    return ((normalized_name(name), version) for name, version in _PIN.findall(text))
