"""`lock`: all locks, one after the other and side by side."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.changes import CATALOGUE, ROOT
from benchmarks.processes import WIZARD

# The index is named as `make lock` names it.
SCRIPT = '. workbench/lock/index-url.sh && exec "$@"'


def lock(bundle: str, python: str) -> None:
    """`make lock` side by side, and with nothing changed, against one after the other."""
    only = [*(["--bundle", bundle] if bundle else []), *(["--python", python] if python else [])]
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        for name in CATALOGUE:
            shutil.copytree(ROOT / name, Path(folder) / name)
        print(f"locks of {bundle or 'everything'}, Python {python or 'each'} (ratio to one after the other)")
        serial = 0.0
        for what, flags in (
            ("one after the other", ["--force", "--jobs", "1"]),
            ("two side by side", ["--force", "--jobs", "2"]),
            ("nothing changed", ["--jobs", "2"]),
        ):
            before = time.monotonic()
            command = ["sh", "-c", SCRIPT, "sh", *WIZARD, "lock", "--catalog", folder, "--json", *only, *flags]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
            if done.returncode != 0:
                raise SystemExit(f"wizard.py lock {' '.join(flags)} ended with {done.returncode}")
            seconds = time.monotonic() - before
            serial = serial or seconds
            became = [outcome["status"] for outcome in json.loads(done.stdout)]
            counts = ", ".join(f"{became.count(status)} {status}" for status in dict.fromkeys(became))
            print(f"  {what:<22} {seconds:7.1f} s   {seconds / serial:5.2f}   {counts}", flush=True)
