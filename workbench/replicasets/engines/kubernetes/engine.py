"""Kubernetes as the Engine: a version is a template of a Pod, and a Pod while it is started."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from workbench.replicasets.engines.kubernetes import naming, pods
from workbench.replicasets.engines.kubernetes.access import find_access
from workbench.replicasets.engines.kubernetes.events import KubernetesEvents
from workbench.replicasets.engines.kubernetes.exec import KubernetesProgram
from workbench.replicasets.engines.kubernetes.http import Json, KubernetesHttp
from workbench.replicasets.engines.kubernetes.logs import KubernetesLog, KubernetesLogs
from workbench.replicasets.engines.kubernetes.nodes import KubernetesNodes
from workbench.replicasets.engines.kubernetes.reasons import REASONS
from workbench.replicasets.engines.kubernetes.services import KubernetesServices
from workbench.replicasets.engines.kubernetes.states import HOPELESS, ending, is_of, observed, waits_for
from workbench.replicasets.engines.kubernetes.volumes import KubernetesVolumes
from workbench.replicasets.engines.protocol import Container, ContainerSpec, EngineImage, EngineVolume, RunningProgram
from workbench.replicasets.errors import EngineError, EngineGone
from workbench.replicasets.values import Gpu

C = TypeVar("C")
_TEMPLATES, _PODS, _SECRETS = "/podtemplates", "/pods", "/secrets"
_LOOK_SECONDS = 0.2
# How long a node may take to report that a Pod's processes ended, after their time is over.
_END_SECONDS = 60.0
# How long no node has a Pod before that is taken to stay so: volumes are bound meanwhile.
_PLACED_SECONDS = 3.0
_WATCH_SECONDS = 240


class KubernetesEngine:
    """The cluster of a kubeconfig, or the one this runs in; all is in one namespace. `resource` is its kind of GPUs.

    A start waits `start_seconds` until the Pod runs, and leaves it pending then. Nothing is kept here: what there is
    is read from labels and annotations each time.
    """

    def __init__(self, kubeconfig: str, namespace: str, resource: str, start_seconds: float = 30.0) -> None:
        self._http = KubernetesHttp(find_access(kubeconfig, namespace))
        self._volumes, self._logs = KubernetesVolumes(self._http), KubernetesLogs(self._http)
        self._nodes, self._services = KubernetesNodes(self._http, resource), KubernetesServices(self._http)
        self._events = KubernetesEvents(self._http)
        self._resource, self._start_seconds = resource, start_seconds

    def capability(self, kind: type[C]) -> C | None:
        """Return this engine, or the part of it that is a `kind`; None when there is none."""
        return next((each for each in (self, self._volumes) if isinstance(each, kind)), None)

    def why_not(self, kind: type) -> str:
        """Return why it has not a capability."""
        return REASONS.get(kind, "")

    @property
    def afresh(self) -> str:
        """What a version that follows another lacks."""
        return "its system disk is its image's: what was written outside of volumes stayed with the version before"

    def address(self, container: str) -> str:
        """Return the name of the Service of a container's set, as the cluster's DNS has it."""
        return f"{naming.set_of(container)}.{self._http.access.namespace}.svc"

    def tunnel_command(self, container: str, port: int) -> str:
        """Return the command by which a person reaches a port from outside of the cluster."""
        of = f"--namespace {self._http.access.namespace} service/{naming.set_of(container)}"
        return f"kubectl port-forward {of} {port}:{port}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def check(self) -> None:
        """Raise EngineGone or EngineError when the namespace cannot be used."""
        self._http.call("GET", _TEMPLATES, query={"limit": 1})

    def logs_command(self, name: str) -> str:
        """Return the command by which a person reads what a container wrote."""
        return f"kubectl logs --namespace {self._http.access.namespace} {name}"

    def pull_command(self, image: str) -> str:
        """Return the command by which a person gives the nodes an image of a registry."""
        return f"podman push {image} REGISTRY/{image.rpartition('/')[2]}"

    def gpu_places(self) -> tuple[Gpu, ...]:
        """Return a place for each GPU."""
        return self._nodes.gpu_places()

    def create(self, spec: ContainerSpec) -> str:
        """Create the template of the version, and what is secret of it; return its id."""
        self._services.check(naming.check_name(naming.set_of(spec.name)))
        made = self._http.call("POST", _TEMPLATES, pods.template(spec, self._resource))
        assert made is not None
        # Second: whoever is interrupted in between leaves a template, by which both are removed.
        self._http.call("DELETE", f"{_SECRETS}/{spec.name}", okay=(404,))
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
        self._http.call("DELETE", f"{_SECRETS}/{plain}", okay=(404,))
        of = naming.set_of(plain)
        others = [
            each["metadata"]["name"] for each in self._http.listed(_TEMPLATES, f"{naming.OURS},{naming.SET}={of}")
        ]
        if others == [plain]:
            self._services.remove(of)
        # Last of all: by it the rest is found again.
        uid = {"preconditions": {"uid": template["metadata"]["uid"]}}
        self._http.call("DELETE", f"{_TEMPLATES}/{plain}", uid, okay=(404, 409))

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

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what a container wrote last, at most so many lines."""
        return self._logs.last_lines(name, count)

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> KubernetesLog:
        """Return what a container wrote last, and what it writes next."""
        if self._pod(self._template(name)) is None:
            raise EngineError(f"{name.partition('/')[0]} has no Pod any more, nor what it wrote", 404)
        return self._logs.logs(name, tail=tail, since=since, follow=follow)

    def changes(self) -> Iterator[str]:
        """Yield the names of Pods that change, from now on; "" at once."""
        listed = self._http.call("GET", _PODS, query={"labelSelector": naming.OURS, "limit": 1}) or {}
        yield ""
        query: dict[str, str | int | bool] = {"watch": True, "labelSelector": naming.OURS}
        query |= {"resourceVersion": str(listed["metadata"]["resourceVersion"]), "timeoutSeconds": _WATCH_SECONDS}
        stream = self._http.stream(_PODS, query, _WATCH_SECONDS + 60)
        try:
            rest = b""
            for piece in stream:
                *lines, rest = (rest + piece).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return  # what is newer than that is no longer known there: all are looked up once more
                    yield str(event["object"]["metadata"]["name"])
        finally:
            stream.close()

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> RunningProgram:
        """Start a program in a running container, by a shell of its image."""
        return KubernetesProgram(self._http, name.partition("/")[0], command, workdir)

    def image(self, name: str) -> EngineImage | None:
        """Return the image of exactly that full name."""
        return self._nodes.image(name)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a record: what holds something has a size."""
        self._volumes.create_volume(name, labels)

    def volume(self, name: str) -> EngineVolume | None:
        """Return the volume of that name, None for none."""
        return self._volumes.volume(name)

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all volumes with that label."""
        return self._volumes.volumes(label)

    def remove_volume(self, name: str) -> None:
        """Remove the volume of exactly that name with what is in it; refused while a Pod uses it."""
        self._volumes.remove_volume(name)

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
