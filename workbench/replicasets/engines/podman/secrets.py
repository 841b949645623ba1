"""Variables of a container that are in no image of it: podman's secrets, which it gives to processes as they start."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote

from workbench.replicasets.engines.podman.http import PodmanHttp


class PodmanSecrets:
    """The secrets of containers, by the name of the container and a number: podman allows 64 characters."""

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
            secret = f"{container}.e{number}"
            self._http.call("POST", "/secrets/create", query={"name": secret}, content=value.encode())
            names[name] = secret
        return names

    def remove(self, container: str) -> None:
        """Remove the secrets of a container, if any."""
        pattern = rf"^{re.escape(container)}\.e[0-9]+$"
        rows = self._http.call("GET", "/secrets/json", query={"filters": json.dumps({"name": [pattern]})})
        for row in rows or ():
            if re.fullmatch(pattern, name := row["Spec"]["Name"]):
                self._http.call("DELETE", f"/secrets/{quote(name, safe='')}", okay=(404,))
