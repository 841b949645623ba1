"""The standard set composed in one process, against the same recipes one process each."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.processes import cpu_seconds
from workbench.catalog.questions import ANSWERS
from workbench.catalog.reader import read_catalogue
from workbench.release.standard import selections

ROOT = Path(__file__).parent.parent
DATE = "20261122"
ROUNDS = 5


def standard() -> None:
    """Compose and write the newest release's set both ways, and compare the CPU time and the bytes."""
    catalogue = read_catalogue(str(ROOT))
    release = next(iter(catalogue.releases))
    wizard = [sys.executable, str(ROOT / "wizard.py")]
    found = selections(catalogue, release, DATE)
    each = [[f"--{name}={getattr(selection, name)}" for name in ANSWERS] for selection in found]
    together, apart = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS + 1):
            one, many = f"{folder}/one{turn}", f"{folder}/many{turn}"
            flags = ["--release", release, "--date", DATE, "--no-lint", "--out", one]
            together.append(cpu_seconds([*wizard, "recipes", *flags]))
            apart.append(sum(cpu_seconds([*wizard, "new", *a, "--offline", "--no-lint", "--out", many]) for a in each))
            if _bytes(Path(one)) != _bytes(Path(many)):
                raise SystemExit("the set has other bytes than its recipes one by one")
    # The first turn fills the caches; of the rest the least, because what else the machine does can only add to it.
    whole, parts = min(together[1:]), min(apart[1:])
    print(f"the standard set of {release}, {len(found)} recipes, CPU time (ratio to one process each; the same bytes)")
    print(f"  one process each {parts * 1000:7.1f} ms   1.00")
    print(f"  recipes          {whole * 1000:7.1f} ms   {whole / parts:4.2f}   {whole / len(found) * 1000:.1f} ms each")


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
