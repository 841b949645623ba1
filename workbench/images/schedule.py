"""Doing what stands on one another, side by side where it forks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait

from workbench.errors import WorkbenchError
from workbench.process import interruptible, workers


def run_graph(
    below: Mapping[str, str], work: Callable[[str], None], *, at_once: int = 2
) -> dict[str, WorkbenchError | None]:
    """Call `work` with each key of `below`, after the one that it maps to, and return what became of each.

    A value that is no key is there already. One that fails (with WorkbenchError) stops those that
    stand on it and no others: they are not in the result. An interrupt ends the children of all
    (see process.stream) and passes through.
    """
    waiting = list(below)
    running: dict[Future[None], str] = {}
    ended: dict[str, WorkbenchError | None] = {}
    with interruptible(), workers(at_once) as pool:
        while True:
            for name in [name for name in waiting if _is_ready(below, name, ended)]:
                waiting.remove(name)
                running[pool.submit(work, name)] = name
            if not running:
                return ended
            for task in wait(running, return_when=FIRST_COMPLETED).done:
                ended[running.pop(task)] = _outcome(task)


def _is_ready(below: Mapping[str, str], name: str, ended: Mapping[str, WorkbenchError | None]) -> bool:
    needed = below[name]
    return needed not in below or (needed in ended and ended[needed] is None)


def _outcome(task: Future[None]) -> WorkbenchError | None:
    try:
        task.result()
    except WorkbenchError as error:
        return error
    return None
