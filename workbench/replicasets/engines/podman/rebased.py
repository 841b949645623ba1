"""Giving what a container of podman's changed to a container of another image."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from workbench.replicasets.engines.disk_capabilities import Overlaps, PackageOverlap, PathOverlap
from workbench.replicasets.engines.podman import requests
from workbench.replicasets.engines.podman.disks import PodmanDisks
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError, Unsupported


class PodmanRebasing:
    """See RebasingDisks."""

    def __init__(self, http: PodmanHttp, disks: PodmanDisks) -> None:
        self._http, self._disks = http, disks

    def overlaps(self, source: str, image: str) -> Overlaps:
        """Return what the container `source` and the image both changed since the container's own image."""
        details = self._container(source)
        found = self._disks.overlaps(self._upper(details), self._layers(details["Image"]), self._layers(image))
        paths = tuple(PathOverlap(**each) for each in found["paths"])
        packages, shadowed = (tuple(PackageOverlap(**each) for each in found[key]) for key in ("packages", "shadowed"))
        return Overlaps(paths, packages, shadowed)

    def rebase(self, source: str, target: str, keep: str) -> None:
        """Give the created container `target` what `source` changed, by the upper directories of their overlays."""
        old, new = self._container(source), self._container(target)
        states = [each["State"]["Status"] for each in (old, new)]
        if states[0] == "running" or states[1] not in ("created", "configured"):
            raise EngineError(f"the disk of {source} cannot be given to {target}: {' to '.join(states)}")
        layers = self._layers(old["Image"]), self._layers(new["Image"])
        self._disks.rebase(self._upper(old), self._upper(new), *layers, keep)

    def _container(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._http.call("GET", f"/containers/{quote(name, safe='')}/json")
        return found

    def _upper(self, details: dict[str, Any]) -> str:
        upper = requests.upper(details)
        if not self._disks.can_copy(upper):
            raise Unsupported("the disks of this engine cannot be read from here")
        return upper

    def _layers(self, image: str) -> list[str]:
        return requests.layers(self._http.call("GET", f"/images/{quote(image, safe='')}/json"))
