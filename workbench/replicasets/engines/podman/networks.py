"""Networks of podman's that are kept apart from one another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import quote

from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError

_USED = "network is being used"


class PodmanNetworks:
    """Bridges with the option `isolate`: netavark drops what goes from one of them to another (podman-network(1))."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def create(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a network; one of that name may exist."""
        if name in self._named(json.dumps({"name": [name]})):
            return
        body = {
            "name": name,
            "driver": "bridge",
            # Chosen by us: podman takes the first number that it does not see in use, and another podman may have it.
            "network_interface": f"wb{hashlib.sha256(name.encode()).hexdigest()[:10]}",
            "dns_enabled": False,
            "labels": dict(labels),
            "options": {"isolate": "true"},
        }
        self._http.call("POST", "/networks/create", body)

    def named(self, label: str) -> list[str]:
        """Return the names of the networks with that label."""
        return self._named(json.dumps({"label": [label]}))

    def remove(self, name: str) -> bool:
        """Remove a network; return False when a container is on it."""
        try:
            self._http.call("DELETE", f"/networks/{quote(name, safe='')}", okay=(404,))
        except EngineError as error:
            if _USED not in error.message:
                raise
            return False
        return True

    def _named(self, filters: str) -> list[str]:
        rows = self._http.call("GET", "/networks/json", query={"filters": filters})
        return [row["name"] for row in rows or ()]
