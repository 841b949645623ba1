"""What the nodes of a cluster report: how many GPUs they have, and which images they hold."""

from __future__ import annotations

import threading
import time
from typing import Any

from workbench.replicasets.engines.kubernetes.http import KubernetesHttp
from workbench.replicasets.engines.protocol import EngineImage
from workbench.replicasets.errors import EngineError
from workbench.replicasets.values import Gpu

# How long a list of nodes is used again: it is long, and changes seldom.
_FRESH_SECONDS = 5.0
# Images of this name are on machines; all others are of registries.
_LOCAL = "localhost/"


class KubernetesNodes:
    """The nodes, as far as the service may list them (a right for the whole cluster)."""

    def __init__(self, http: KubernetesHttp, resource: str) -> None:
        self._http, self._resource = http, resource
        self._lock = threading.Lock()
        self._known: list[dict[str, Any]] = []
        self._until = 0.0

    def gpu_places(self) -> tuple[Gpu, ...]:
        """Return a place for each GPU of nodes that take Pods; none where nodes may not be listed."""
        count = sum(
            int((node["status"].get("allocatable") or {}).get(self._resource, 0))
            for node in self._nodes()
            if not node["spec"].get("unschedulable")
        )
        return tuple(Gpu(str(number), (str(number),)) for number in range(count))

    def image(self, name: str) -> EngineImage | None:
        """Return the image of a name: of a registry it is taken to be there, until a node cannot pull it."""
        if not name.startswith(_LOCAL):
            return EngineImage(name, (name,)) if "/" in name else None
        held = (
            names for node in self._nodes() for each in node["status"].get("images") or () for names in each["names"]
        )
        return EngineImage(name, (name,)) if name in held else None

    def _nodes(self) -> list[dict[str, Any]]:
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._known = self._http.listed("/api/v1/nodes")
                except EngineError as error:
                    if error.status != 403:
                        raise
                    self._known = []
                self._until = time.monotonic() + _FRESH_SECONDS
            return self._known
