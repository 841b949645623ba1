"""`make bench`: prints what was measured, each figure beside the peer it is measured against."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.catalogue import BASES, PYTHONS, SYSTEMS, generate
from benchmarks.processes import Command, cpu_seconds, least

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable


def main() -> None:
    """Run the benchmarks named on the command line, or all of them."""
    known = {"start": start, "matrix": matrix, "replicasets": replicasets}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *known], help="which (default: all)")
    for name in parser.parse_args().name or known:
        known[name]()


def start() -> None:
    """One recipe, whole process, against HPCCM rendering a comparable one (limit: 0.7 of its CPU time)."""
    hpccm = str(Path(PYTHON).with_name("hpccm"))
    wizard = [PYTHON, str(ROOT / "wizard.py")]
    recipe = ["new", "--release", "2026a", "--date", "20261122", "--base", "standard", "--os", "bookworm"]
    recipe += ["--python", "3.11", "--bundle", "minimal", "--ide", "jupyter", "--offline", "--out"]
    with tempfile.TemporaryDirectory() as out:
        commands: dict[str, Command] = {
            "hpccm, a comparable recipe": lambda _: [hpccm, "--recipe", str(ROOT / "benchmarks/hpccm_recipe.py")],
            "python -c pass (the floor)": lambda _: [PYTHON, "-c", "pass"],
            "wizard.py new, written anew": lambda turn: [*wizard, *recipe, f"{out}/{turn}"],
            "wizard.py new, identical": lambda _: [*wizard, *recipe, f"{out}/0"],
            "wizard.py list": lambda _: [*wizard, "list"],
            "wizard.py --help": lambda _: [*wizard, "--help"],
        }
        found = least(commands, rounds=30)
        # hadolint's verdict on a Containerfile is remembered; the first time it has to be asked.
        with tempfile.TemporaryDirectory() as cache:
            lint = [
                cpu_seconds([*wizard, *recipe, f"{out}/lint{turn}"], {"XDG_CACHE_HOME": f"{cache}/{turn}"})
                for turn in range(7)
            ]
        found["wizard.py new, first hadolint"] = min(lint)
    peer = found["hpccm, a comparable recipe"]
    print("one recipe, CPU time of the whole process (ratio to hpccm; aim for `new`: at or below 0.70)")
    for name, seconds in found.items():
        print(f"  {name:<32} {seconds * 1000:7.1f} ms   {seconds / peer:5.2f}")


def matrix() -> None:
    """`matrix --write` of a generated catalogue: recipes a second, and how it grows from 1/8 to the whole."""
    print(f"matrix --write, up to 200 bundles x 20 IDEs x {SYSTEMS} OSes x {PYTHONS} Pythons x {BASES} bases")
    first = 0.0
    for bundles in (25, 50, 100, 200):
        root = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
        try:
            combinations = generate(root / "catalogue", bundles, 20)
            before = time.monotonic()
            command = [PYTHON, str(ROOT / "wizard.py"), "matrix", "--write", str(root / "out")]
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


def replicasets() -> None:
    """Operations against the podman command, system disks carried, and histories; imported only when asked for."""
    from benchmarks.replicasets import measure

    measure()


if __name__ == "__main__":
    main()
