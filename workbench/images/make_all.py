"""Building images that stand on one another: skipping what is there, side by side where it forks."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from workbench.errors import WorkbenchError
from workbench.images.builder import Builder, BuildRequest
from workbench.images.make import Made, make
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.schedule import run_graph

BUILT, THERE, FAILED, NOT_BEGUN = "built", "there", "failed", "not begun"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image: built, there, failed or not begun; `made` if it was built, `reason` if it failed."""

    name: str
    image: str
    status: str
    made: Made | None = None
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the image is not there now."""
        return self.status not in (BUILT, THERE)

    def as_data(self, what: str) -> dict[str, object]:
        """Return it as `--json` prints it, its name under the key `what`."""
        made = self.made.as_data() if self.made else {"image": self.image}
        return {what: self.name, "status": self.status, **made, **({"error": self.reason} if self.reason else {})}


def make_all(
    requests: Mapping[str, BuildRequest],
    below: Mapping[str, str],
    is_there: Callable[[str], bool],
    *,
    after: Callable[[str, Made], None] | None = None,
    at_once: int = 2,
    logs: str = DEFAULT_LOGS,
    quiet: bool = False,
    builder: Builder | None = None,
) -> list[Outcome]:
    """Build the images that `requests` describe by name, each after the one that `below` says it stands on.

    One that `is_there` is not built again, unless its request goes without the cache; `after` is
    called with each that was built. One that fails stops those that stand on it and no others.
    Returns what became of each, in the order of `requests`. KeyboardInterrupt passes through.
    """
    made: dict[str, Made] = {}

    def one(name: str) -> None:
        request = requests[name]
        if request.cache and is_there(name):
            if not quiet:
                print(f"{name}: {request.names[0]} is there", file=sys.stderr, flush=True)
            return
        made[name] = make(request, logs=logs, quiet=quiet, to=_Named(name, sys.stderr), builder=builder)
        if after is not None:
            after(name, made[name])

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
            outcomes.append(Outcome(name, image, BUILT if name in made else THERE, made.get(name)))
    return outcomes


def _failed_below(name: str, below: Mapping[str, str], ended: Mapping[str, WorkbenchError | None]) -> str:
    while name not in ended:
        name = below[name]
    return name


class _Named(io.StringIO):
    """Writes to `to`, each line with its image in front: several write at once. No terminal, so no bar is drawn."""

    def __init__(self, name: str, to: TextIO) -> None:
        super().__init__()
        self._name = name
        self._to = to

    def write(self, text: str) -> int:
        """Write whole lines, in one piece."""
        self._to.write("".join(f"{self._name}: {line}\n" for line in text.splitlines()))
        self._to.flush()
        return len(text)
