"""What versions of podman can and cannot do, from podman.toml."""

from __future__ import annotations

import tomllib
from importlib import resources


def readable_cdi(version: str) -> str:
    """Return the newest CDI spec that podman `version` reads, "" when we do not know."""
    rows = tomllib.loads(resources.files(__package__).joinpath("podman.toml").read_text(encoding="utf-8"))["cdi"]
    known = [prefix for prefix in rows if version == prefix or version.startswith(f"{prefix}.")]
    return str(rows[max(known, key=len)]) if known else ""
