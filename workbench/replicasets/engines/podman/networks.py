"""Networks of podman's that are kept apart from one another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from workbench.replicasets.engines.podman.firewall import Firewall
from workbench.replicasets.engines.podman.forwarding import addresses
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError

_USED = "network is being used"


class PodmanNetworks:
    """Bridges that rules of ours keep apart, beside those of podman's option `isolate`."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http
        self._firewall = Firewall(http.address.removeprefix("unix://"))

    def create(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a network; one of that name may exist."""
        bridge, there = _bridge(name), self._bridges()
        # Before anything is on it.
        self._firewall.separate({*there, bridge})
        if bridge in there:
            return
        self._firewall.clear(bridge)
        body = {
            "name": name,
            "driver": "bridge",
            "network_interface": bridge,
            "dns_enabled": False,
            "labels": dict(labels),
            "options": {"isolate": "true"},
        }
        self._http.call("POST", "/networks/create", body)

    def separate(self) -> None:
        """Keep those that there are apart, should something else have removed the rules."""
        self._firewall.separate(self._bridges())

    def after_start(self, details: dict[str, Any]) -> None:
        """Have the ports of an inspected container, which runs, lead to it, and keep the networks apart.

        What kept them so may have gone with the last container before it.
        """
        self._firewall.forward(details)
        if self._firewall.goes_with_containers:
            self.separate()

    def named(self, label: str) -> list[str]:
        """Return the names of the networks with that label."""
        return [row["name"] for row in self._rows(json.dumps({"label": [label]}))]

    def remove(self, name: str) -> bool:
        """Remove a network; return False when a container is on it."""
        try:
            self._http.call("DELETE", f"/networks/{quote(name, safe='')}", okay=(404,))
        except EngineError as error:
            if _USED not in error.message:
                raise
            return False
        self._firewall.forget(_bridge(name))
        return True

    def _bridges(self) -> set[str]:
        return {
            row["network_interface"] for row in self._rows("{}") if row.get("network_interface") == _bridge(row["name"])
        }

    def _rows(self, filters: str) -> list[dict[str, Any]]:
        return list(self._http.call("GET", "/networks/json", query={"filters": filters}) or ())


class PodmanReaching:
    """Where the machine reaches containers: on their bridges, which for a normal user's podman are in a namespace."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http
        self._is_here: bool | None = None

    def reached_at(self, container: str) -> str:
        """See ReachingContainers."""
        if self._is_here is None:
            host = self._http.call("GET", "/info")["host"]
            self._is_here = not (host.get("security") or {}).get("rootless")
        if not self._is_here:
            return ""
        details = self._http.call("GET", f"/containers/{quote(container, safe='')}/json", okay=(404,)) or {}
        return min(addresses(details), default="")


def _bridge(name: str) -> str:
    """Return the bridge of a network of ours; it has 12 characters, and 15 are the most (IFNAMSIZ).

    podman takes the first number that it does not see in use, and another podman may have it.
    """
    return f"wb{hashlib.sha256(name.encode()).hexdigest()[:10]}"
