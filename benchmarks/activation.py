"""What activation costs a model's start, over a bare shell, and how it grows with what the prefix holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.monobase import trees

ROUNDS = 200
FILES = ["nvidia/cu13/lib/", "nvidia/cudnn/lib/", "nvidia/nccl/lib/", "distutils-precedence.pth"]
FILES += ["nvidia_cuda_runtime-13.0.96.dist-info/", "nvidia_cudnn_cu13-9.24.0.43.dist-info/"]
ROOT = Path(__file__).parent.parent


def activation() -> None:
    """Source activate.sh on prefixes of 1, 10 and 100 generations of 252 environments; least time of many rounds."""
    shell = shutil.which("dash") or "/bin/sh"
    print("activation, least wall time of a process, over a bare `sh -c :` of the same run")
    with tempfile.TemporaryDirectory() as folder:
        prefixes = {count: fill(Path(folder, str(count)), count) for count in (1, 10, 100)}
        script = f'. "{trees.ACTIVATE}"'
        commands = {"sh -c : (the floor)": ([shell, "-c", ":"], prefixes[1])}
        for count, prefix in prefixes.items():
            commands[f"activate.sh, {count} generations"] = ([shell, "-c", script], prefix)
        tool = [sys.executable, str(ROOT / "wizard.py"), "monobase", "activate"]
        commands["monobase activate (Python)"] = (tool, prefixes[1])
        least: dict[str, float] = {}
        for turn in range(ROUNDS):
            for name, (command, prefix) in commands.items():
                if command is tool and turn % 10:
                    continue
                least[name] = min(least.get(name, 60.0), seconds(command, prefix))
    floor, one = least["sh -c : (the floor)"], least["activate.sh, 1 generations"]
    for name, found in least.items():
        over = (found - floor) * 1000
        growth = f"   {over / ((one - floor) * 1000):5.2f} of one generation's" if "activate" in name else ""
        print(f"  {name:<30} {found * 1000:7.2f} ms   {over:+7.2f} ms{growth}")


def seconds(command: list[str], prefix: Path) -> float:
    """Return how long it took; raises CalledProcessError when it fails."""
    requested = {"R8_PYTHON_VERSION": "3.12", "R8_TORCH_VERSION": "2.14.1", "R8_CUDA_VERSION": "13.0"}
    environment = {"MONOBASE_PREFIX": str(prefix), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **requested}
    before = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - before


def fill(prefix: Path, count: int) -> Path:
    """Make a prefix of so many generations; the newest has as many environments as the original's largest."""
    cog_lease = "cog-g0a1b2c3d"
    cog = trees.cogs(prefix, cog_lease.removeprefix("cog-"), ["0.11.3", "0.23.1"], ["3.11", "3.12"], "0.23.1")
    for number in range(1, count + 1):
        trees.generation(prefix, f"g{number:05d}", {"python3.12-torch2.14.1-cu130": FILES})
    others = {f"python3.{minor}-torch2.{major}.0-cu128": FILES[:1] for minor in range(8, 14) for major in range(42)}
    trees.generation(prefix, f"g{count:05d}", others)
    trees.conflicts(cog / "cog0.23.1-python3.12", f"g{count:05d}", "python3.12-torch2.14.1-cu130")
    trees.latest(prefix, f"g{count:05d}")
    (prefix / "leases").mkdir()
    for name in (f"g{count:05d}", cog_lease):
        (prefix / "leases" / name).touch()
    return prefix
