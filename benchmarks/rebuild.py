"""`rebuild`: what a change costs, in time and in bytes that are new."""

from __future__ import annotations

from benchmarks.changes import BUNDLE, IDE, changes
from benchmarks.store import BASE, Store, megabytes, store


def rebuild() -> None:
    """tensorboard-datascience again after a change of its IDE, one pin, its base: against the cold build."""
    with store() as made:
        below = made.engine.layers(BASE.image)
        steps = changes(made)
        cold_row = next(steps)
        cold, first = _build(made)
        own = sum(size for digest, size in first.items() if digest not in below)
        print(f"{IDE}-{BUNDLE}, built again (ratio to the cold build; bytes: of the layers that the base has not)")
        _row(cold_row, cold, cold, own, own)
        for what in steps:
            seconds, layers = _build(made)
            _row(what, seconds, cold, sum(size for digest, size in layers.items() if digest not in first), own)


def _build(made: Store) -> tuple[float, dict[str, int]]:
    return made.recipe("standard", BUNDLE, IDE, "--catalog", str(made.folder / "catalogue"))


def _row(what: str, seconds: float, cold: float, count: int, own: int) -> None:
    times = f"{seconds:7.1f} s   {seconds / cold:5.2f}"
    print(f"  {what:<36} {times}   {megabytes(count)}   {count / own:5.2f}", flush=True)
