"""Sizes of files and images as people are shown them."""

from __future__ import annotations

_UNITS = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


def byte_size(count: int) -> str:
    """Return bytes in the largest decimal unit of which there is at least one, as podman shows images: 1.1 GB."""
    for unit, factor in _UNITS:
        # 999,950 bytes are 1.0 MB and not 1000.0 kB.
        if count >= factor - factor // 20_000:
            return f"{count / factor:.1f} {unit}"
    return "1 byte" if count == 1 else f"{count} bytes"
