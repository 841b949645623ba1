"""`release check` of a frozen release with every bundle: milliseconds a lock, beside sha256sum's for its digests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import cpu_seconds
from workbench.catalog.reader import read_catalogue
from workbench.catalog.releases import FROZEN, SUMS

ROOT = Path(__file__).parent.parent
ROUNDS = 7


def release() -> None:
    """Check our newest frozen release, whole processes; the floor is the same verb's --help."""
    releases = read_catalogue(str(ROOT)).releases.values()
    frozen = next((each for each in releases if each.state == FROZEN), None)
    if frozen is None:
        print("release check: no release of ours is frozen")
        return
    wizard = [sys.executable, str(ROOT / "wizard.py"), "release"]
    command = [*wizard, "check", frozen.name, "--today", frozen.since or "2026-11-22"]
    report = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout)
    folder = ROOT / frozen.own
    peer = ["sh", "-c", f"cd '{folder}' && exec sha256sum --check --quiet {SUMS}"]
    ours, start, sums = (min(cpu_seconds(each) for _ in range(ROUNDS)) for each in (command, [*wizard, "--help"], peer))
    locks = report["locks"]
    print(f"release check {frozen.name}: {report['files']} files, {locks} locks, CPU time of the whole process")
    for name, seconds in (("release check", ours), ("  without starting", ours - start), ("sha256sum --check", sums)):
        print(
            f"  {name:<20} {seconds * 1000:7.1f} ms   {seconds * 1000 / locks:6.2f} ms a lock   {seconds / sums:5.2f}"
        )
