"""`rebuild`: what a change costs, in time and in bytes that are new."""

from __future__ import annotations

from benchmarks.changes import BUNDLE, IDE, changes
from benchmarks.store import BASE, Store, megabytes, store


def rebuild() -> None:
    """tensorboard-datascience again after a change of its IDE, one pin, its base: against the cold build."""
    with store() as podman_store:
        below = podman_store.engine.layers(BASE.image)
        steps = changes(podman_store)
        cold_row = next(steps)
        cold, first = _build(podman_store)
        own = sum(size for digest, size in first.items() if digest not in below)
        print(f"{IDE}-{BUNDLE}, built again (ratio to the cold build; bytes: of the layers that the base has not)")
        _row(cold_row, cold, cold, own, own)
        for what in steps:
            seconds, layers = _build(podman_store)
            _row(what, seconds, cold, sum(size for digest, size in layers.items() if digest not in first), own)


def _build(podman_store: Store) -> tuple[float, dict[str, int]]:
    return podman_store.recipe("standard", BUNDLE, IDE, "--catalog", str(podman_store.folder / "catalogue"))


def _row(what: str, seconds: float, cold: float, count: int, own: int) -> None:
    times = f"{seconds:7.1f} s   {seconds / cold:5.2f}"
    print(f"  {what:<36} {times}   {megabytes(count)}   {count / own:5.2f}", flush=True)
