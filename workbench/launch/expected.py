"""What each step takes: the table is expected.toml, which says what of it was measured."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Expected:
    """What a step takes: seconds, and bytes on the disk."""

    seconds: int
    bytes: int

    def __str__(self) -> str:
        return f"{duration(self.seconds)}, {size(self.bytes)}"


def expected(kind: str, detail: str, system: str) -> Expected | None:
    """Return what a step takes on an operating system, None where nobody measured it.

    `kind` is the step's; `detail` its row: the way to a root image, a CUDA layer, or IDE and bundle of an image.
    """
    row = _rows().get(kind, {}).get(system, {}).get(detail or "all")
    return Expected(row["seconds"], row["bytes"]) if row else None


@cache
def _rows() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("expected.toml").read_text(encoding="utf-8"))


def duration(seconds: float) -> str:
    """Return seconds as people say them: 20 s, 3 min."""
    return f"{max(1, round(seconds))} s" if seconds < 55 else f"{max(1, round(seconds / 60))} min"


def size(count: float) -> str:
    """Return bytes as people say them: 40 MB, 2.5 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 95_000_000 else f"{max(1, round(count / 1e6))} MB"
