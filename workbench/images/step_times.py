"""How long the steps of builds took on this machine, kept in the user's cache: what a build is expected to take."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from contextlib import suppress

from workbench.files import cache_folder, replace_text

# So many steps are remembered; those that were built longest ago go first.
_MOST = 2000


class StepTimes:
    """Seconds by step: its part of the recipe and its instruction. Without a readable file nothing is known."""

    def __init__(self) -> None:
        self._path = os.path.join(cache_folder("steps"), "seconds.json")
        self._known: dict[str, float] = {}
        self._new: dict[str, float] = {}
        with suppress(OSError, ValueError, AttributeError), open(self._path, encoding="utf-8") as file:
            self._known = {str(key): float(seconds) for key, seconds in json.load(file).items()}

    def of(self, part: str, title: str) -> float | None:
        """Return the seconds that a step took the last time, None where it was never built here."""
        return self._known.get(_key(part, title))

    def took(self, part: str, title: str, seconds: float) -> None:
        """Note what a step took that was really built."""
        self._new[_key(part, title)] = round(seconds, 1)

    def keep(self) -> None:
        """Keep what was noted for the next build, as far as the disk lets us."""
        if not self._new:
            return
        kept = {key: seconds for key, seconds in self._known.items() if key not in self._new} | self._new
        with suppress(OSError):
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            replace_text(self._path, json.dumps(dict(list(kept.items())[-_MOST:])))


def remaining(times: StepTimes, steps: Collection[tuple[str, str]]) -> float | None:
    """Return the seconds that `steps`, each its part and its instruction, are expected to take.

    None when a RUN among them was never built here: what is not known would make the sum a promise that fails.
    """
    known = [(title, times.of(part, title)) for part, title in steps]
    if any(seconds is None and title.startswith("RUN ") for title, seconds in known):
        return None
    return sum(seconds or 0.0 for _, seconds in known)


def _key(part: str, title: str) -> str:
    return hashlib.sha256(f"{part}\0{title}".encode()).hexdigest()[:24]
