"""The preflight at the start of the service: once for each boot, unless something essential does not work."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from workbench.replicasets.errors import Unavailable
from workbench.replicasets.owner import boot
from workbench.replicasets.service import ReplicaSets


def failing_at_start(service: ReplicaSets, state: str, report: Callable[[str], None]) -> None:
    """Try what sets need and `report` what does not work; not again in the same boot once all of it did."""
    settings, file = service.settings, os.path.join(state, "preflight")
    ports = f"{settings.publish} {settings.first_port}-{settings.last_port}"
    key = f"{boot()} {os.geteuid()} {settings.engine} {ports}\n"
    with suppress(OSError), open(file, encoding="utf-8") as known:
        if known.readline() == key:
            for line in known.read().splitlines():
                report(line)
            return
    try:
        failed = [finding for finding in service.preflight() if finding.reason]
    except Unavailable:
        return  # reported by reconciling, which goes on
    lines = [f"preflight: {' '.join(finding.line.split())}" for finding in failed]
    for line in lines:
        report(line)
    if not any(finding.essential for finding in failed):
        with suppress(OSError), open(file, "w", encoding="utf-8") as known:
            known.write(key + "".join(f"{line}\n" for line in lines))
