"""Keeping states true while the service runs: deaths are noticed as they happen, and restarts are done when due."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.service import ReplicaSets

# How often sets that wait for their restart are looked through.
_TICK_SECONDS = 1.0
# How often all containers are compared where the engine reports no changes.
_POLL_SECONDS = 5.0


@contextmanager
def watching(service: ReplicaSets, report: Callable[[str], None]) -> Iterator[None]:
    """Keep the states of sets true during the body; `report` what happened to them."""
    ended = threading.Event()
    # Names of containers, "" for all of them.
    changed: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        while not ended.is_set():
            try:
                stream = service.changes()
                for name in stream if stream is not None else ("",):
                    changed.put(name)
                    if ended.is_set():
                        return
            except ReplicaSetError:
                pass  # the engine is away: reconciling reports that, and all are compared when it is back
            ended.wait(_POLL_SECONDS)

    def work() -> None:
        while not ended.is_set():
            try:
                name: str | None = changed.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                name = None
            try:
                lines = service.observe(name) if name is not None else []
                for line in [*lines, *service.start_again()]:
                    report(line)
            except ReplicaSetError:
                pass  # the next reconcile reports it

    threads = [threading.Thread(target=each, name="watch", daemon=True) for each in (listen, work)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        # The listening one may wait for the engine for minutes: it ends with the process.
        threads[1].join(_POLL_SECONDS)
