"""Kubernetes as the Engine: a version is a template of a Pod, and a Pod while it is started."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeVar

from workbench.replicasets.engines.kubernetes import naming
from workbench.replicasets.engines.kubernetes.access import find_access
from workbench.replicasets.engines.kubernetes.exec import KubernetesProgram
from workbench.replicasets.engines.kubernetes.http import KubernetesHttp
from workbench.replicasets.engines.kubernetes.logs import KubernetesLog, KubernetesLogs
from workbench.replicasets.engines.kubernetes.nodes import KubernetesNodes
from workbench.replicasets.engines.kubernetes.placing import Placing
from workbench.replicasets.engines.kubernetes.reasons import REASONS
from workbench.replicasets.engines.kubernetes.versions import KubernetesVersions
from workbench.replicasets.engines.kubernetes.volumes import KubernetesVolumes
from workbench.replicasets.engines.protocol import Container, ContainerSpec, EngineImage, EngineVolume, RunningProgram
from workbench.replicasets.values import Gpu

C = TypeVar("C")
_TEMPLATES, _PODS = "/podtemplates", "/pods"
_WATCH_SECONDS = 240


class KubernetesEngine:
    """The cluster of a kubeconfig, or the one this runs in; all is in one namespace. `resource` is its kind of GPUs.

    `placing` is what its Pods and claims have beside what versions say. A start waits `start_seconds` until the Pod
    runs, and leaves it pending then. Nothing is kept here: what there is is read from labels and annotations each time.
    """

    def __init__(
        self,
        kubeconfig: str,
        namespace: str,
        resource: str,
        start_seconds: float = 30.0,
        placing: Placing = Placing(),  # noqa: B008  frozen
    ) -> None:
        self._http = KubernetesHttp(find_access(kubeconfig, namespace))
        self._volumes, self._logs = KubernetesVolumes(self._http, placing.storage_class), KubernetesLogs(self._http)
        self._nodes = KubernetesNodes(self._http, resource)
        self._versions = KubernetesVersions(self._http, resource, placing, start_seconds)

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
        """Create the version, not started; return its id."""
        return self._versions.create(spec)

    def start(self, name: str) -> None:
        """Make its Pod, and wait for that as long as there is hope."""
        self._versions.start(name)

    def stop(self, name: str, seconds: int) -> None:
        """End its Pod."""
        self._versions.stop(name, seconds)

    def remove(self, name: str) -> None:
        """Remove all there is of it."""
        self._versions.remove(name)

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none of ours; labels that are private are left out."""
        return self._versions.container(name)

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label."""
        return self._versions.containers(label)

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what a container wrote last, at most so many lines."""
        return self._logs.last_lines(name, count)

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> KubernetesLog:
        """Return what a container wrote last, and what it writes next."""
        self._versions.check_pod(name)
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
