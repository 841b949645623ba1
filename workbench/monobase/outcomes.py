"""What is kept of the last build and of the last looks at the files, for metrics."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from workbench.monobase.damage import VerifyReport
from workbench.monobase.fill import BUILT, FAILED, EnvironmentOutcome
from workbench.monobase.mirrors import MirrorUse
from workbench.monobase.prefix import Prefix
from workbench.monobase.reports import BUILD, VERIFY, read_report, write_report
from workbench.monobase.verify import Part


def keep_build(
    prefix: Prefix, outcomes: Sequence[EnvironmentOutcome], mirrors: Sequence[MirrorUse], began: float
) -> None:
    """Keep how long a build took that began at `began`, and each environment that it made."""
    seconds: dict[str, Any] = {}
    with contextlib.suppress(TypeError, ValueError):
        seconds = dict(read_report(prefix, BUILD).get("seconds", {}))
    # What is up to date keeps the time that it took when it was made.
    names = {f"{one.generation}/{one.environment}" for one in outcomes}
    seconds = {name: took for name, took in seconds.items() if name in names}
    seconds |= {f"{one.generation}/{one.environment}": one.seconds for one in outcomes if one.status == BUILT}
    ended = time.time()
    data = {"ended": ended, "took": ended - began, "failed": sum(one.status == FAILED for one in outcomes)}
    write_report(prefix, BUILD, {**data, "seconds": seconds, "mirrors": [asdict(use) for use in mirrors]})


def keep_verdict(prefix: Prefix, report: VerifyReport, began: float, *, quick: bool, part: Part | None = None) -> None:
    """Keep what verify found that began at `began`: quickly, in all files, or in a part of them.

    The parts are one full look once each of them was looked at, as old as the oldest of them; what one of them found
    counts at once.
    """
    data = read_report(prefix, VERIFY)
    faults = len(report.damage) + len(report.damaged_entries) + len(report.changed)
    verdict = {"whole": not faults, "faults": faults, "time": began, "took": time.time() - began}
    if part is None:
        data = {**data, "quick" if quick else "full": verdict}
        if not quick:
            data.pop("parts", None)
    else:
        data["quick"] = verdict
        parts = data.get("parts")
        known = dict(parts["found"]) if isinstance(parts, dict) and parts.get("of") == part.of else {}
        known[str(part.number)] = verdict
        data["parts"] = {"of": part.of, "found": known}
        found = list(known.values())
        together = {"whole": all(one["whole"] for one in found), "faults": sum(one["faults"] for one in found)}
        if len(found) == part.of:
            together |= {"time": min(one["time"] for one in found), "took": sum(one["took"] for one in found)}
        if len(found) == part.of or not together["whole"]:
            data["full"] = {**data.get("full", {}), **together}
    write_report(prefix, VERIFY, data)
