"""Building the CUDA chain."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.catalog.cuda_layers import LAYERS
from workbench.images.backend import Backend
from workbench.images.builder import BuildRequest
from workbench.images.make_all import Outcome, make_all
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.up_to_date import is_there


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
