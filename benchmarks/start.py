"""`start`: one recipe, whole process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import WIZARD, Command, cpu_seconds, least

ROOT = Path(__file__).parent.parent
RECIPE = (
    *("new", "--release", "2026a", "--date", "20261122", "--base", "standard", "--os", "bookworm"),
    *("--python", "3.11", "--bundle", "minimal", "--ide", "jupyter", "--offline", "--out"),
)

# What `new` may take as a whole process on two idle cores.
LIMIT_SECONDS = 0.25


def start() -> None:
    """One recipe, whole process, against HPCCM rendering a comparable one; `new` against the 250 ms it may take."""
    hpccm = str(Path(sys.executable).with_name("hpccm"))
    with tempfile.TemporaryDirectory() as out:
        commands: dict[str, Command] = {
            "hpccm, a comparable recipe": lambda _: [hpccm, "--recipe", str(ROOT / "benchmarks/hpccm_recipe.py")],
            "python -c pass (the floor)": lambda _: [sys.executable, "-c", "pass"],
            "wizard.py new, written anew": lambda turn: [*WIZARD, *RECIPE, f"{out}/{turn}"],
            "wizard.py new, identical": lambda _: [*WIZARD, *RECIPE, f"{out}/0"],
            "wizard.py list": lambda _: [*WIZARD, "list"],
            "wizard.py --help": lambda _: [*WIZARD, "--help"],
        }
        found = least(commands, rounds=30)
        # hadolint's verdict on a Containerfile is cached; the first time hadolint has to run.
        with tempfile.TemporaryDirectory() as cache:
            lint = [
                cpu_seconds([*WIZARD, *RECIPE, f"{out}/lint{turn}"], {"XDG_CACHE_HOME": f"{cache}/{turn}"})
                for turn in range(7)
            ]
        found["wizard.py new, first hadolint"] = min(lint)
    peer = found["hpccm, a comparable recipe"]
    print("one recipe, CPU time of the whole process (ratio to hpccm)")
    for name, seconds in found.items():
        print(f"  {name:<32} {seconds * 1000:7.1f} ms   {seconds / peer:5.2f}")
    with tempfile.TemporaryDirectory() as out:
        walls = sorted(_wall_seconds([*WIZARD, *RECIPE, f"{out}/{turn}"]) for turn in range(21))
    wall = walls[len(walls) // 2]
    print(
        f"  wizard.py new, from start to end {wall * 1000:7.1f} ms   {wall / LIMIT_SECONDS:5.2f} of its limit (median)"
    )


def _wall_seconds(command: Sequence[str]) -> float:
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin
