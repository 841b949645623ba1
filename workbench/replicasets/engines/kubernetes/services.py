"""The Service of a set: its address, for as long as one of its versions has ports."""

from __future__ import annotations

from workbench.replicasets.engines.kubernetes import naming, pods
from workbench.replicasets.engines.kubernetes.http import Json, KubernetesHttp
from workbench.replicasets.errors import EngineError

_SERVICES = "/services"


class KubernetesServices:
    """The Services of sets, each of the name of its set."""

    def __init__(self, http: KubernetesHttp) -> None:
        self._http = http

    def check(self, name: str) -> None:
        """Raise EngineError when a Service of that name is not ours."""
        self._own(name)

    def serve(self, name: str, template: Json) -> None:
        """Have the Service of a set lead to the ports of a version, which is started."""
        ports = template["template"]["spec"]["containers"][0].get("ports") or []
        if not ports:
            return self.remove(name)
        body = pods.service(name, ports)
        if self._own(name) is None and self._http.call("POST", _SERVICES, body, okay=(409,)) is not None:
            return None
        self._own(name)
        self._http.call("PATCH", f"{_SERVICES}/{name}", {"spec": {"ports": body["spec"]["ports"]}})
        return None

    def remove(self, name: str) -> None:
        """Remove the Service of a set, if there is one."""
        if self._own(name) is not None:
            self._http.call("DELETE", f"{_SERVICES}/{name}", okay=(404,))

    def _own(self, name: str) -> Json | None:
        found = self._http.found(f"{_SERVICES}/{name}")
        if found is not None and not naming.is_ours(found):
            raise EngineError(
                f"the cluster has a Service {name} that is not ours", 409, hint="choose another name for the set"
            )
        return found
