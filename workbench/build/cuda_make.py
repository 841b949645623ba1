"""Building the CUDA chain: skipping what is there, two layers at once where it forks."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from workbench.build.builder import BuildRequest
from workbench.build.cuda_chain import is_there
from workbench.build.graph import run_graph
from workbench.build.make import Made, make
from workbench.build.progress import DEFAULT_LOGS
from workbench.catalog.cuda_layers import LAYERS
from workbench.errors import WorkbenchError

BUILT, THERE, FAILED, NOT_BEGUN = "built", "there", "failed", "not begun"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a layer: built, there, failed or not begun; `made` if it was built, `reason` if it failed."""

    layer: str
    image: str
    status: str
    made: Made | None = None
    reason: str = ""

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        made = self.made.as_data() if self.made else {"image": self.image}
        return {"layer": self.layer, "status": self.status, **made, **({"error": self.reason} if self.reason else {})}


def make_chain(requests: Mapping[str, BuildRequest], *, logs: str = DEFAULT_LOGS, quiet: bool = False) -> list[Outcome]:
    """Build the layers that `requests` describe and return what became of each, those below first.

    A layer that is there is not built again, unless its request goes without the cache. One that
    fails stops those that stand on it and no others. KeyboardInterrupt passes through.
    """
    made: dict[str, Made] = {}

    def one(layer: str) -> None:
        request = requests[layer]
        if request.cache and is_there(request):
            if not quiet:
                print(f"{layer}: {request.names[0]} is there", file=sys.stderr, flush=True)
            return
        made[layer] = make(request, logs=logs, quiet=quiet, to=_Named(layer, sys.stderr))

    ended = run_graph({layer: LAYERS[layer] for layer in requests}, one)
    outcomes = []
    for layer, request in requests.items():
        image, error = request.names[0], ended.get(layer)
        if layer not in ended:
            outcomes.append(Outcome(layer, image, NOT_BEGUN, reason=f"{_failed_below(layer, ended)} failed"))
        elif error is not None:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
            outcomes.append(Outcome(layer, image, FAILED, reason=reason))
        else:
            outcomes.append(Outcome(layer, image, BUILT if layer in made else THERE, made.get(layer)))
    return outcomes


def _failed_below(layer: str, ended: Mapping[str, WorkbenchError | None]) -> str:
    while layer not in ended:
        layer = LAYERS[layer]
    return layer


class _Named(io.StringIO):
    """Writes to `to`, each line with its layer in front: two write at once. No terminal, so no bar is drawn."""

    def __init__(self, layer: str, to: TextIO) -> None:
        super().__init__()
        self._layer = layer
        self._to = to

    def write(self, text: str) -> int:
        """Write whole lines, in one piece."""
        self._to.write("".join(f"{self._layer}: {line}\n" for line in text.splitlines()))
        self._to.flush()
        return len(text)
