"""The versions of sets: each a template of a Pod, with a Secret, and a Pod while it is started.

A template is what stands of a version that does not run: Kubernetes does nothing with it by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.replicasets.engines.kubernetes import naming, pods
from workbench.replicasets.engines.kubernetes.events import KubernetesEvents
from workbench.replicasets.engines.kubernetes.http import Json, KubernetesHttp
from workbench.replicasets.engines.kubernetes.placing import Placing
from workbench.replicasets.engines.kubernetes.services import KubernetesServices
from workbench.replicasets.engines.kubernetes.states import HOPELESS, ending, is_of, observed, waits_for
from workbench.replicasets.engines.protocol import Container, ContainerSpec
from workbench.replicasets.errors import EngineError, EngineGone

_TEMPLATES, _PODS, _SECRETS = "/podtemplates", "/pods", "/secrets"
_LOOK_SECONDS = 0.2
# How long a node may take to report that a Pod's processes ended, after their time is over.
_END_SECONDS = 60.0
# How long no node has a Pod before that is taken to stay so: volumes are bound meanwhile.
_PLACED_SECONDS = 3.0


class KubernetesVersions:
    """Creates, starts, ends and removes versions. GPUs are the resource of that name."""

    def __init__(self, http: KubernetesHttp, resource: str, placing: Placing, start_seconds: float) -> None:
        self._http, self._resource, self._placing, self._start_seconds = http, resource, placing, start_seconds
        self._services, self._events = KubernetesServices(http), KubernetesEvents(http)

    def create(self, spec: ContainerSpec) -> str:
        """Create the template of the version, and what is secret of it; return its id."""
        self._services.check(naming.check_name(naming.set_of(spec.name)))
        made = self._http.call("POST", _TEMPLATES, pods.template(spec, self._resource, self._placing))
        assert made is not None
        # Second: whoever is interrupted in between leaves a template, by which both are removed.
        self._remove_secret(spec.name)
        if spec.secrets or spec.private:
            self._http.call("POST", _SECRETS, pods.secret(spec, made))
        return f"{spec.name}/{made['metadata']['uid']}"

    def start(self, name: str) -> None:
        """Make the Pod, and wait until it runs, no node has a place for it, or it cannot be brought up."""
        template = self._template(name)
        name = template["metadata"]["name"]
        pod = self._http.found(f"{_PODS}/{name}")
        if pod is not None and not naming.is_ours(pod):
            raise EngineError(f"the cluster has a Pod {name} that is not ours", 409)
        if pod is not None and _has_ended(pod, template):
            self._end_pod(name, pod, 0, is_gone=True)
            pod = None
        if pod is None:
            self._note(name, {naming.STARTED: "true", naming.ENDED: None})
            self._services.serve(naming.set_of(name), template)
            # One that is there already was made by whoever was interrupted.
            self._http.call("POST", _PODS, pods.pod(template), okay=(409,))
        self._brought_up(template)

    def _brought_up(self, template: Json) -> None:
        name, begin = template["metadata"]["name"], time.monotonic()
        while (waited := time.monotonic() - begin) < self._start_seconds:
            pod = self._pod(template)
            container = observed(template, pod, {})
            if pod is None or not container.is_pending:
                return
            if waits_for(pod) in HOPELESS:
                raise EngineError(f"{name} cannot be brought up: {container.reason}")
            if container.state == "unplaced" and waited > _PLACED_SECONDS:
                return
            time.sleep(_LOOK_SECONDS)

    def stop(self, name: str, seconds: int) -> None:
        """Delete its Pod, and record how it ended; one that ended by itself stays, with what it wrote."""
        template = self._template(name)
        pod = self._pod(template)
        if pod is not None and ending(pod) is None:
            self._end_pod(template["metadata"]["name"], pod, seconds)

    def remove(self, name: str) -> None:
        """Remove all there is of a version; the Service of its set with the last one."""
        template = self._found(name)
        if template is None:
            return
        plain = template["metadata"]["name"]
        if (pod := self._pod(template)) is not None:
            self._end_pod(plain, pod, 0)
        self._remove_secret(plain)
        of = naming.set_of(plain)
        others = [
            each["metadata"]["name"] for each in self._http.listed(_TEMPLATES, f"{naming.OURS},{naming.SET}={of}")
        ]
        if others == [plain]:
            self._services.remove(of)
        # Last of all: by it the rest is found again.
        uid = {"preconditions": {"uid": template["metadata"]["uid"]}}
        self._http.call("DELETE", f"{_TEMPLATES}/{plain}", uid, okay=(404, 409))

    def _remove_secret(self, name: str) -> None:
        """Remove the Secret of a version; one of its name that is not ours stays."""
        if self._http.listed(_SECRETS, naming.OURS, name):
            self._http.call("DELETE", f"{_SECRETS}/{name}", okay=(404,))

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none of ours; labels that are private are left out."""
        template = self._found(name)
        if template is None:
            return None
        pod = self._pod(template)
        found = observed(template, pod, {})
        if found.state != "pending" or pod is None or waits_for(pod) in HOPELESS:
            return found
        return replace(found, reason=self._events.warning(pod["metadata"]["uid"]) or found.reason)

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label."""
        selector = naming.selector(label)
        # In this order: a Pod that is made meanwhile has its template before.
        running = {each["metadata"]["name"]: each for each in self._http.listed(_PODS, naming.OURS)}
        secrets = self._http.listed(_SECRETS, naming.OURS)
        kept = {each["metadata"]["name"]: pods.private_labels(each) for each in secrets}
        found = []
        for each in self._http.listed(_TEMPLATES, selector):
            if naming.has(naming.labels_of(each), label):
                plain = each["metadata"]["name"]
                pod = running.get(plain)
                own = pod if pod is not None and is_of(pod, each) else None
                found.append(observed(each, own, kept.get(plain, {})))
        return found

    def check_pod(self, name: str) -> None:
        """Raise EngineError when a version has no Pod, and so nothing of what it wrote."""
        if self._pod(self._template(name)) is None:
            raise EngineError(f"{name.partition('/')[0]} has no Pod any more, nor what it wrote", 404)

    def _found(self, name: str) -> Json | None:
        """Return the template of a name or an id, None for none of ours."""
        plain, _, uid = name.partition("/")
        found = self._http.found(f"{_TEMPLATES}/{plain}")
        if found is None or not naming.is_ours(found):
            return None
        return found if uid in ("", found["metadata"]["uid"]) else None

    def _template(self, name: str) -> Json:
        found = self._found(name)
        if found is None:
            raise EngineError(f"the cluster has no version {name}", 404)
        return found

    def _pod(self, template: Json) -> Json | None:
        """Return the Pod of a template, None for none."""
        found = self._http.found(f"{_PODS}/{template['metadata']['name']}")
        return found if found is not None and is_of(found, template) else None

    def _end_pod(self, name: str, pod: Json, seconds: int, *, is_gone: bool = False) -> None:
        """Delete a Pod and wait until its processes have ended; record how, for whoever looks at its version.

        With `is_gone` until there is no such Pod any more, so that there can be another one of its name. Never with a
        grace of 0: Kubernetes forgets a Pod then, whose processes may run on.
        """
        uid = pod["metadata"]["uid"]
        body: Json = {"gracePeriodSeconds": max(seconds, 1), "preconditions": {"uid": uid}}
        self._http.call("DELETE", f"{_PODS}/{name}", body, okay=(404, 409))
        deadline = time.monotonic() + seconds + _END_SECONDS
        ended: Mapping[str, Any] | None = None
        last: Json | None = pod
        while last is not None and last["metadata"]["uid"] == uid:
            ended = ending(last) or ended
            if ended is not None and not is_gone:
                break
            if time.monotonic() > deadline:
                node = last["spec"].get("nodeName", "")
                raise EngineGone(f"the node {node} has not reported that {name} ended", hint="is the node alive?")
            time.sleep(_LOOK_SECONDS)
            last = self._http.found(f"{_PODS}/{name}")
        self._note(name, {naming.ENDED: json.dumps(ended or {"code": 0, "reason": "", "memory": False})})

    def _note(self, name: str, annotations: Mapping[str, str | None]) -> None:
        self._http.call("PATCH", f"{_TEMPLATES}/{name}", {"metadata": {"annotations": dict(annotations)}}, okay=(404,))


def _has_ended(pod: Json, template: Json) -> bool:
    """Return whether a Pod has ended, is about to, or is of an earlier version of the same name."""
    return bool(pod["metadata"].get("deletionTimestamp")) or ending(pod) is not None or not is_of(pod, template)
