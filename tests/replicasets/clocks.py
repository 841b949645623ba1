"""A time that stands still until a test moves it on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.service import ReplicaSets


class Clock:
    """A time that only a test changes."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat("2026-11-29T12:00:00+00:00")

    def __call__(self) -> str:
        return self.now.isoformat()

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def on_clock(folder: Path, clock: Clock, **more: object) -> tuple[FakeEngine, ReplicaSets]:
    """The room on fakes, with the time of `clock`."""
    engine = FakeEngine(Faults())
    rs = service(folder, engine, MemoryStore(engine.faults), **more)
    object.__setattr__(rs._world, "now", clock)
    return engine, rs
