"""Building images that stand on one another: skipping what is up to date, in parallel where it forks."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TextIO

from workbench.errors import WorkbenchError
from workbench.images.builder import Builder
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.request import BuildRequest
from workbench.images.run_build import FinishedBuild, run_build
from workbench.process import interruptible, workers

BUILT, UP_TO_DATE, FAILED, NOT_BEGUN = "built", "up to date", "failed", "not begun"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image; `build` if it was built, and the `reason` if it failed or was not begun."""

    name: str
    image: str
    status: str
    build: FinishedBuild | None = None
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the image is missing or out of date."""
        return self.status not in (BUILT, UP_TO_DATE)

    def as_data(self, what: str) -> dict[str, object]:
        """Return it as `--json` prints it, its name under the key `what`."""
        details = self.build.as_data() if self.build else {"image": self.image}
        return {what: self.name, "status": self.status, **details, **({"error": self.reason} if self.reason else {})}


def build_all(
    requests: Mapping[str, BuildRequest],
    below: Mapping[str, str],
    is_up_to_date: Callable[[str], bool],
    *,
    after: Callable[[str, FinishedBuild], None] | None = None,
    at_once: int = 2,
    logs: str = DEFAULT_LOGS,
    quiet: bool = False,
    builder: Builder | None = None,
) -> list[Outcome]:
    """Build the images that `requests` describe by name, each after the one that `below` says it stands on.

    One that `is_up_to_date` is not built again, unless its request goes without the cache; `after` is
    called with each that was built. One that fails stops those that stand on it and no others.
    Returns what became of each, in the order of `requests`. KeyboardInterrupt passes through.
    """
    finished: dict[str, FinishedBuild] = {}

    def one(name: str) -> None:
        request = requests[name]
        if request.cache and is_up_to_date(name):
            if not quiet:
                print(f"{name}: {request.names[0]} is up to date", file=sys.stderr, flush=True)
            return
        finished[name] = run_build(request, logs=logs, quiet=quiet, to=_Named(name, sys.stderr), builder=builder)
        if after is not None:
            after(name, finished[name])

    ended = run_graph({name: below[name] for name in requests}, one, at_once=at_once)
    outcomes = []
    for name, request in requests.items():
        image, error = request.names[0], ended.get(name)
        if name not in ended:
            outcomes.append(Outcome(name, image, NOT_BEGUN, reason=f"{_failed_below(name, below, ended)} failed"))
        elif error is not None:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
            outcomes.append(Outcome(name, image, FAILED, reason=reason))
        else:
            outcomes.append(Outcome(name, image, BUILT if name in finished else UP_TO_DATE, finished.get(name)))
    return outcomes


def _failed_below(name: str, below: Mapping[str, str], ended: Mapping[str, WorkbenchError | None]) -> str:
    while name not in ended:
        name = below[name]
    return name


def run_graph(
    below: Mapping[str, str], work: Callable[[str], None], *, at_once: int = 2
) -> dict[str, WorkbenchError | None]:
    """Call `work` with each key of `below`, after the one that it maps to, and return what became of each.

    A value that is no key exists already. One that fails (with WorkbenchError) stops those that
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


class _Named(io.StringIO):
    """Writes to `to`, each line behind its image's name, as several write at once. No terminal: no bar is drawn."""

    def __init__(self, name: str, to: TextIO) -> None:
        super().__init__()
        self._name = name
        self._to = to

    def write(self, text: str) -> int:
        """Write whole lines, in one piece."""
        self._to.write("".join(f"{self._name}: {line}\n" for line in text.splitlines()))
        self._to.flush()
        return len(text)
