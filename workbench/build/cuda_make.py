"""Building the CUDA chain."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.build.backend import Backend
from workbench.build.builder import BuildRequest
from workbench.build.make_all import Outcome, make_all
from workbench.build.progress import DEFAULT_LOGS
from workbench.build.there import is_there
from workbench.catalog.cuda_layers import LAYERS


def make_chain(
    requests: Mapping[str, BuildRequest], backend: Backend, *, logs: str = DEFAULT_LOGS, quiet: bool = False
) -> list[Outcome]:
    """Build the layers that `requests` describe and return what became of each, those below first.

    A layer that is there is not built again, unless its request goes without the cache. One that
    fails stops those that stand on it and no others. KeyboardInterrupt passes through.
    """

    def there(layer: str) -> bool:
        return is_there(requests[layer], requests[layer].arguments["BASE_IMAGE"], backend.store)

    return make_all(requests, LAYERS, there, logs=logs, quiet=quiet, builder=backend.builder)
