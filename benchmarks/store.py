"""Images for benchmarks: podman with a store of its own, and the base of bookworm in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import WIZARD
from tests import engine as engines
from tests.engine import BaseChoice, Engine, ca_bundle

BASE = BaseChoice()


@dataclass(frozen=True)
class Store:
    """An engine whose images are gone afterwards; `folder` is for recipes and logs."""

    engine: Engine
    folder: Path

    def wizard(self, *arguments: str) -> str:
        """Run `wizard.py` with this store and return what it printed; a failure ends the benchmark."""
        environment = {**os.environ, **self.engine.env}
        done = subprocess.run([*WIZARD, *arguments], capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise SystemExit(f"wizard.py {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def cuda(self, layers: str) -> None:
        """Build the CUDA images `layers` on the base."""
        self.wizard("cuda", *BASE.flags(), "--layers", layers, *self._building())

    def recipe(self, base: str, bundle: str, ide: str, *flags: str) -> tuple[float, dict[str, int]]:
        """Compose and build a recipe; return the seconds that building took, and the image's layers."""
        out = tempfile.mkdtemp(dir=self.folder)
        choice = (f"--base={base}", f"--bundle={bundle}", f"--ide={ide}")
        composed = self.wizard("new", *BASE.flags(), *choice, "--out", out, "--json", *flags)
        before = time.monotonic()
        report = json.loads(self.wizard("build", json.loads(composed)["folder"], "--json", *self._building()))
        return time.monotonic() - before, self.engine.layers(report[0]["image"])

    def _building(self) -> list[str]:
        return [*ca_bundle(), "--log-dir", str(self.folder / "logs")]


@contextmanager
def store() -> Iterator[Store]:
    """Yield a store with the standard base of bookworm; all of it is gone afterwards."""
    if reason := engines.missing():
        raise SystemExit(f"images cannot be built here: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    try:
        (folder / "engine").mkdir()
        with engines.started(folder / "engine") as engine:
            podman_store = Store(engine, folder)
            podman_store.wizard("os-image", "--os", BASE.os)
            podman_store.wizard("base", *BASE.flags(), *ca_bundle(), "--log-dir", str(folder / "logs"))
            yield podman_store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def megabytes(count: int) -> str:
    """Return a number of bytes in megabytes, to one place."""
    return f"{count / 1e6:8.1f} MB"
