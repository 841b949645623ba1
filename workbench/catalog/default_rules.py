"""The rules of bundles and IDEs that have no file for them: data, for a catalogue made for the original."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def default_rules(kind: str, name: str) -> dict[str, Any]:
    """Return what the bundle.toml or ide.toml (`kind`: bundle, ide) of `name` would say, nothing for most."""
    return dict(_tables().get(kind, {}).get(name, {}))


@cache
def _tables() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    return tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
