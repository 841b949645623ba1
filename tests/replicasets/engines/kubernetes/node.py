"""What a scheduler and a kubelet would do with Pods, done by hand: places, states, ends. Nothing runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Json = dict[str, Any]
Send = Callable[[str, str, Json | None], Json | None]
NODE, GPU = "one", "nvidia.com/gpu"
IMAGE, NEWER = "localhost/tiny:1", "localhost/tiny:2"
GPUS = 2
UNPLACED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient memory.",
}
PULL = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "quay.io/nobody/none:1"'}
_PLACED = {"type": "PodScheduled", "status": "True"}


def node_object() -> Json:
    """The node, which has two GPUs, and two images."""
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", GPU: str(GPUS)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE},
        "spec": {},
        "status": {
            "allocatable": amounts,
            "capacity": amounts,
            "images": [{"names": [each], "sizeBytes": 1} for each in (IMAGE, NEWER)],
            "conditions": [{"type": "Ready", "status": "True", "reason": "test"}],
        },
    }


def ended(code: int, **more: Any) -> Json:  # noqa: ANN401
    return {"phase": "Failed" if code else "Succeeded", **_container({"terminated": {"exitCode": code, **more}})}


def _container(state: Json) -> Json:
    about = {"name": "main", "image": IMAGE, "imageID": "", "ready": "running" in state, "restartCount": 0}
    return {"containerStatuses": [{**about, "state": state}]}


class Node:
    """Plays the node until `stop`: `send(method, path below the namespace, body)` requests as whoever may do all."""

    def __init__(self, send: Send) -> None:
        self._send, self._ended = send, threading.Event()
        self.ends_pods = True

    def play(self) -> None:
        while not self._ended.wait(0.03):
            with suppress(Exception):  # what is gone meanwhile, or a server that a test has ended
                for pod in (self._send("GET", "/pods", None) or {}).get("items", ()):
                    self.look_at(pod)

    def stop(self) -> None:
        self._ended.set()

    def look_at(self, pod: Json) -> None:
        path, status, spec = f"/pods/{pod['metadata']['name']}", pod["status"], pod["spec"]
        if pod["metadata"].get("deletionTimestamp"):
            if self.ends_pods:
                self._send("DELETE", path, {"gracePeriodSeconds": 0})
        elif not spec.get("nodeName"):
            limits = spec["containers"][0]["resources"].get("limits") or {}
            # Gigabytes, as the engine writes them: plain bytes.
            if str(limits.get("memory", "")).isdigit() and int(limits["memory"]) > 8 << 30:
                if not status.get("conditions"):
                    self.put(path, {"conditions": [UNPLACED]})
            else:
                target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
                body: Json = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]}}
                self._send("POST", f"{path}/binding", {**body, "target": target})
        elif status["phase"] == "Pending":
            if spec["containers"][0].get("args") == ["false"]:
                self.put(path, ended(1))
            elif spec["containers"][0]["image"] in (IMAGE, NEWER):
                state = {"running": {"startedAt": "2026-11-30T12:00:00Z"}}
                self.put(path, {"phase": "Running", "conditions": [_PLACED], **_container(state)})
            elif not status.get("containerStatuses"):
                self.put(path, {"conditions": [_PLACED], **_container({"waiting": PULL})})

    def put(self, path: str, status: Json) -> None:
        """Give a Pod a status."""
        self._send("PATCH", f"{path}/status", {"status": status})


@contextmanager
def playing(send: Send) -> Iterator[Node]:
    """Yield a node that is played during the body."""
    node = Node(send)
    thread = threading.Thread(target=node.play, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join()
