"""What has become of a Pod, in the words of sets and, for the reason, in the cluster's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.replicasets.engines.kubernetes.naming import ENDED, STARTED, labels_of
from workbench.replicasets.engines.protocol import Container

# What a kubelet waits for that does not come by itself (Kubernetes 1.20 to 1.37: pkg/kubelet/images and kuberuntime).
HOPELESS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
# 128 + SIGKILL: how whatever had no time to end is taken to have ended.
_KILLED = 137


def observed(template: Mapping[str, Any], pod: Mapping[str, Any] | None, private: Mapping[str, str]) -> Container:
    """Return the container that a version's template and its Pod are; `private` are the labels kept apart."""
    notes = template["metadata"].get("annotations") or {}
    name = template["metadata"]["name"]
    state, code, reason, is_out = _state(notes, pod)
    return Container(
        id=f"{name}/{template['metadata']['uid']}",
        name=name,
        state=state,
        image=str(template["template"]["spec"]["containers"][0]["image"]),
        labels={**labels_of(template), **private},
        exit_code=code,
        started=STARTED in notes,
        out_of_memory=is_out,
        reason=reason,
    )


def is_of(pod: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Return whether a Pod was made of this template, and not of one before it of the same name."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(each.get("uid") == template["metadata"]["uid"] for each in owners)


def waits_for(pod: Mapping[str, Any]) -> str:
    """Return the kubelet's word for what a Pod's container waits for, "" for nothing."""
    return str((_container_state(pod).get("waiting") or {}).get("reason") or "")


def ending(pod: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how the container of a Pod ended: `code`, `reason`, `memory`; None while it has not."""
    status = pod.get("status") or {}
    ended = _container_state(pod).get("terminated")
    if ended is None and status.get("phase") not in ("Failed", "Succeeded"):
        return None
    ended = ended or {}
    # Of what was evicted nothing is known but the reason of the Pod.
    words = words_of(status) if status.get("reason") else str(ended.get("message") or "")
    is_out = ended.get("reason") == "OOMKilled"
    failed = _KILLED if status.get("phase") == "Failed" else 0
    return {"code": int(ended.get("exitCode", failed)), "reason": "" if is_out else words, "memory": is_out}


def _state(notes: Mapping[str, str], pod: Mapping[str, Any] | None) -> tuple[str, int, str, bool]:
    if pod is None:
        if STARTED not in notes:
            return "created", 0, "", False
        if ENDED in notes:
            ended = json.loads(notes[ENDED])
            return "exited", int(ended["code"]), str(ended["reason"]), bool(ended["memory"])
        return "exited", _KILLED, "its Pod was removed from the cluster: drained, preempted, or by hand", False
    if (found := ending(pod)) is not None:
        return "exited", found["code"], found["reason"], found["memory"]
    if "running" in _container_state(pod):
        return "running", 0, "", False
    if pod["metadata"].get("deletionTimestamp"):
        return "running", 0, "", False  # it has not ended yet, for all that is known
    scheduled = next((each for each in pod.get("status", {}).get("conditions") or () if each["type"] == _PLACED), None)
    if scheduled is not None and scheduled["status"] == "False":
        return "unplaced", 0, words_of(scheduled), False
    waiting = _container_state(pod).get("waiting") or {}
    return "pending", 0, words_of(waiting) or ("no node has it yet" if scheduled is None else "its node has it"), False


_PLACED = "PodScheduled"


def _container_state(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state of the one container of a Pod, {} when its node has reported nothing of it."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    state: Mapping[str, Any] = statuses[0].get("state") or {} if statuses else {}
    return state


def words_of(found: Mapping[str, Any]) -> str:
    """Return `Reason: message` of an object of the cluster."""
    message = " ".join(str(found.get("message") or "").split())[:300]
    return ": ".join(filter(None, (str(found.get("reason") or ""), message)))
