"""What every operation works with: the settings, the engine, the store, the time, and locks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from workbench.replicasets.claims import Machine
from workbench.replicasets.engines.capabilities import CountingGpus, PinningGpus, RunningElsewhere
from workbench.replicasets.engines.ports import is_free
from workbench.replicasets.engines.protocol import Engine
from workbench.replicasets.errors import Busy
from workbench.replicasets.settings import Settings
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.turns import Turns
from workbench.replicasets.values import Gpu


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class World:
    """What operations are given. `now` returns the time as ISO 8601 text."""

    settings: Settings
    engine: Engine
    store: StateStore
    now: Callable[[], str] = _now
    locks: Locks = field(default_factory=lambda: Locks())
    turns: Turns = field(default_factory=Turns)

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs that the engine can give, chosen or counted; none when it can give none."""
        pinning = self.engine.capability(PinningGpus)
        if pinning is not None:
            return pinning.gpus()
        counting = self.engine.capability(CountingGpus)
        return counting.gpu_places() if counting is not None else ()

    def machine(self, gpus: bool = True) -> Machine:
        """Return what there is to give; without `gpus` GPUs are not listed."""
        settings = self.settings
        found = tuple(gpu.id for gpu in self.gpus()) if gpus else ()
        if self.engine.capability(RunningElsewhere) is not None:
            return Machine(found, None, lambda port, protocol: True, None, None, self.turns.kept)
        return Machine(
            found,
            range(settings.first_port, settings.last_port + 1),
            lambda port, protocol: is_free(settings.publish, port, protocol),
            settings.cpus,
            settings.memory,
            self.turns.kept,
        )

    def label(self, name: str) -> str:
        """Return the name of a label of ours."""
        return f"{self.settings.prefix}.{name}"

    def disk_image(self, set_id: str, number: int) -> str:
        """Return the name of the image that records the disk of a version."""
        return f"localhost/{self.settings.prefix}/{set_id}:{number}"


class Locks:
    """A lock for each key, created when it is first used and dropped when no thread holds or awaits it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: str, seconds: float) -> Iterator[None]:
        """Hold the lock of `key`; raises Busy when it cannot be had in time."""
        with self._guard:
            lock, waiting = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, waiting + 1)
        try:
            if not lock.acquire(timeout=seconds):
                raise Busy(f"{key.rpartition('/')[2]} is busy with another operation", hint="try again later")
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                _, waiting = self._locks[key]
                if waiting == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, waiting - 1)


def wait(seconds: float) -> None:
    """Wait a moment."""
    time.sleep(seconds)
