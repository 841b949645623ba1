"""Volumes as claims of storage (PersistentVolumeClaim), and records without any (ConfigMap)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from workbench.cluster_quantity import amount
from workbench.replicasets.engines.kubernetes import naming
from workbench.replicasets.engines.kubernetes.http import Json, KubernetesHttp
from workbench.replicasets.engines.kubernetes.states import ending
from workbench.replicasets.engines.protocol import EngineVolume
from workbench.replicasets.errors import EngineError

_CLAIMS, _RECORDS = "/persistentvolumeclaims", "/configmaps"
_GONE_SECONDS, _LOOK_SECONDS = 20.0, 0.2


class KubernetesVolumes:
    """See SizingVolumes. What is created without a size holds labels alone: a ConfigMap, which takes no storage."""

    def __init__(self, http: KubernetesHttp, storage_class: str) -> None:
        self._http, self._class = http, storage_class

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a record; one of that name with the same labels may exist."""
        self._create(_RECORDS, {"kind": "ConfigMap", "metadata": naming.metadata(naming.check_name(name), labels)})

    def create_sized_volume(self, name: str, size: int, labels: Mapping[str, str]) -> None:
        """Create a claim of so many bytes; one of that name with the same labels may exist."""
        spec: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": str(size)}}}
        spec |= {"storageClassName": self._class} if self._class else {}
        metadata = naming.metadata(naming.check_name(name), labels)
        self._create(_CLAIMS, {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})

    def grow_volume(self, name: str, size: int) -> None:
        """Claim so many bytes; the class of storage must allow that, and there must be storage already."""
        found = self._http.found(f"{_CLAIMS}/{name}") or {}
        if (found.get("status") or {}).get("phase") != "Bound":
            raise EngineError(f"{name} has no storage yet, which could grow", 409, hint="run a set that binds it first")
        self._http.call("PATCH", f"{_CLAIMS}/{name}", {"spec": {"resources": {"requests": {"storage": str(size)}}}})

    def volume(self, name: str) -> EngineVolume | None:
        """Return the claim or the record of that name, None for none of ours."""
        for kind in (_CLAIMS, _RECORDS):
            found = self._http.found(f"{kind}/{name}")
            if found is not None and naming.is_ours(found):
                return _volume(found)
        return None

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all claims and records with that label."""
        selector = naming.selector(label)
        found = [*self._http.listed(_CLAIMS, selector), *self._http.listed(_RECORDS, selector)]
        return [_volume(each) for each in found if naming.has(naming.labels_of(each), label)]

    def remove_volume(self, name: str) -> None:
        """Remove it; refused while a Pod runs on it, until the end of which Kubernetes would put it off.

        It takes Kubernetes a moment to take storage from a Pod that has ended.
        """
        for kind in (_CLAIMS, _RECORDS):
            found = self._http.found(f"{kind}/{name}")
            if found is None or not naming.is_ours(found):
                continue
            if kind == _CLAIMS and (users := self._users(name)):
                raise EngineError(f"{name} is used by the Pod {users[0]}", 409)
            uid = {"preconditions": {"uid": found["metadata"]["uid"]}}
            self._http.call("DELETE", f"{kind}/{name}", uid, okay=(404, 409))
            deadline = time.monotonic() + _GONE_SECONDS
            while (left := self._http.found(f"{kind}/{name}")) and left["metadata"]["uid"] == found["metadata"]["uid"]:
                if time.monotonic() > deadline:
                    break
                time.sleep(_LOOK_SECONDS)

    def _users(self, claim: str) -> list[str]:
        return [
            str(pod["metadata"]["name"])
            for pod in self._http.listed("/pods")
            if ending(pod) is None
            for each in pod["spec"].get("volumes") or ()
            if (each.get("persistentVolumeClaim") or {}).get("claimName") == claim
        ]

    def _create(self, kind: str, body: Json) -> None:
        if self._http.call("POST", kind, {"apiVersion": "v1", **body}, okay=(409,)) is not None:
            return
        name = body["metadata"]["name"]
        found = self._http.found(f"{kind}/{name}")
        if found is None or naming.labels_of(found) != body["metadata"]["annotations"]:
            raise EngineError(f"the cluster has another {body['kind']} of the name {name}", 409)


def _volume(found: Mapping[str, Any]) -> EngineVolume:
    requests = ((found.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return EngineVolume(
        str(found["metadata"]["name"]),
        naming.labels_of(found),
        size=int(amount(str(requests.get("storage", ""))) or 0),
    )
