"""`matrix`: many recipes in one process."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.catalogue import BASES, PYTHONS, SYSTEMS, generate
from benchmarks.processes import WIZARD, cpu_seconds


def matrix() -> None:
    """`matrix --write` of a generated catalogue: recipes a second, and how it grows from 1/8 to the whole."""
    print(f"matrix --write, up to 200 bundles x 20 IDEs x {SYSTEMS} OSes x {PYTHONS} Pythons x {BASES} bases")
    first = 0.0
    for bundles in (25, 50, 100, 200):
        root = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
        try:
            combinations = generate(root / "catalogue", bundles, 20)
            before = time.monotonic()
            command = [*WIZARD, "matrix", "--write", str(root / "out")]
            cpu = cpu_seconds([*command, "--catalog", str(root / "catalogue"), "--no-lint"])
            wall = time.monotonic() - before
            written = sum(1 for _ in (root / "out").glob("*/*/recipe.toml"))
            if written != combinations:
                raise SystemExit(f"{written} recipes were written, not {combinations}")
        finally:
            shutil.rmtree(root)
        first = first or cpu / combinations
        growth = cpu / combinations / first
        print(
            f"  {combinations:6d} recipes  {combinations / wall:7.0f} a second"
            f"   CPU a recipe {cpu / combinations * 1000:5.2f} ms, {growth:4.2f} of the first row (linear: 1.00)"
        )
