"""Locks that a run resolved and did not come to write: the next one goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.files import replace_text
from workbench.monobase.matrix import EnvironmentSpec

# An index has other packages the next day.
_LASTS = 24 * 3600


@dataclass(frozen=True, slots=True)
class ResolvedLocks:
    """Texts of locks in the user's cache, each by all that it was resolved from."""

    folder: Path

    @classmethod
    def at(cls, target: Path) -> ResolvedLocks:
        """Return those of the generation whose requirements are in the folder `target`."""
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        name = hashlib.sha256(os.fsencode(target.resolve())).hexdigest()[:16]
        return cls(Path(cache, "workbench-images", "resolved", f"{target.name}-{name}"))

    def get(self, environment: EnvironmentSpec, full: str, before: Path, resolve: Callable[[], str]) -> str:
        """Return the lock of an environment: as a run of the last day resolved it from the same, else by `resolve`."""
        indexes = {
            name: text for name, text in os.environ.items() if name.endswith(("INDEX", "INDEX_URL", "FIND_LINKS"))
        }
        earlier = before.read_text() if before.exists() else ""
        whole = json.dumps([asdict(environment), full, earlier, indexes], sort_keys=True)
        path = self.folder / f"{hashlib.sha256(whole.encode()).hexdigest()}.txt"
        try:
            if time.time() - path.stat().st_mtime < _LASTS:
                return path.read_text()
        except OSError:
            pass
        text = resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_text(str(path), text)
        return text

    def drop(self) -> None:
        """Forget all of them: they are written where they belong."""
        shutil.rmtree(self.folder, ignore_errors=True)
