"""What went wrong with a Pod lately, in the words of whoever noticed: its events of the type Warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.replicasets.engines.kubernetes.http import KubernetesHttp
from workbench.replicasets.engines.kubernetes.states import words_of
from workbench.replicasets.errors import EngineError


class KubernetesEvents:
    """The events of the namespace, as far as the service may list them."""

    def __init__(self, http: KubernetesHttp) -> None:
        self._http = http

    def warning(self, uid: str) -> str:
        """Return the last warning about an object, "" for none."""
        try:
            query = {"fieldSelector": f"involvedObject.uid={uid},type=Warning"}
            found = (self._http.call("GET", "/events", query=query) or {}).get("items") or ()
        except EngineError as error:
            if error.status != 403:
                raise
            return ""
        # Of those that no node has a place for the Pod itself says why, and until when.
        found = [each for each in found if each.get("reason") != "FailedScheduling"]
        return words_of(max(found, key=_when)) if found else ""


def _when(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])
