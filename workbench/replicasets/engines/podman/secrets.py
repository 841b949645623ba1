"""Variables of a container that are in no image of it: podman's secrets, which it gives to processes as they start.

Their names are the only mark they can have: podman 4.3 takes no labels of secrets over its API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote

from workbench.replicasets.engines.podman.http import PodmanHttp

_MARK = ".wb-e"


class PodmanSecrets:
    """The secrets of containers, by the name of the container and a number: podman allows 64 characters (4.3, 2026)."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def create(self, container: str, variables: Sequence[str]) -> dict[str, str]:
        """Create the secrets of a container from NAME=VALUE texts; return their names by the variables' names.

        Those that it has already are removed first.
        """
        names: dict[str, str] = {}
        if variables:
            self.remove(container)
        for number, (name, value) in enumerate(each.split("=", 1) for each in variables):
            secret = f"{container}{_MARK}{number}"
            self._http.call("POST", "/secrets/create", query={"name": secret}, content=value.encode())
            names[name] = secret
        return names

    def remove(self, container: str) -> None:
        """Remove the secrets of a container, if any."""
        for name in self._named(rf"^{re.escape(container)}{re.escape(_MARK)}[0-9]+$"):
            self._http.call("DELETE", f"/secrets/{quote(name, safe='')}", okay=(404,))

    def containers(self) -> dict[str, str]:
        """Return the names of the containers that secrets were made for, and when the last was (ISO 8601)."""
        found: dict[str, str] = {}
        for name, made in self._named(rf"{re.escape(_MARK)}[0-9]+$").items():
            container = name.rpartition(_MARK)[0]
            found[container] = max(made, found.get(container, ""))
        return found

    def _named(self, pattern: str) -> dict[str, str]:
        rows = self._http.call("GET", "/secrets/json", query={"filters": json.dumps({"name": [pattern]})})
        found = {str(row["Spec"]["Name"]): str(row["CreatedAt"]) for row in rows or ()}
        return {name: made for name, made in found.items() if re.search(pattern, name)}
