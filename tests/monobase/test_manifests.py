from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import wizard
from tests.kubernetes.pod_security import faults
from tests.monobase.manifests import FOLDER, documents, pod_spec, podman_run

FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_kubernetes_takes_every_manifest(name: str) -> None:
    program = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run([program, "--strict", str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, "passed" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr


def test_a_wrong_manifest_is_refused(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("kubernetes-validate")
    for name, right, wrong in (
        ("model-pod.yaml", "readOnly: true", "readonly: true"),
        # The last of several documents.
        ("models-volume.yaml", "volumeName:", "volumename:"),
    ):
        text = (FOLDER / name).read_text()
        assert right in text
        (tmp_path / name).write_text(text.replace(right, wrong))
        assert subprocess.run([program, "--strict", str(tmp_path / name)], capture_output=True).returncode != 0


def test_the_flags_in_the_manifests_are_those_of_the_verbs() -> None:
    container, metrics = pod_spec(documents("daemonset.yaml")[0])["containers"]
    probe = container["readinessProbe"]["exec"]["command"]
    assert probe[0] == metrics["command"][-1] == "monobase"
    for verb, *flags in (["build", *container["args"]], probe[1:], metrics["args"]):
        done = wizard("monobase", verb, "--help")
        listed = done.stdout.split()
        assert all(flag.partition("=")[0] in listed for flag in flags)


def test_models_can_write_nothing_of_the_host() -> None:
    spec = documents("model-pod.yaml")[0]["spec"]
    assert [mount["readOnly"] for mount in spec["containers"][0]["volumeMounts"]] == [True]
    assert spec["containers"][0]["securityContext"]["runAsUser"] != 0


def namespaces() -> dict[str, str]:
    """The level of PodSecurity of each namespace that the manifests make."""
    listed = [one for one in documents("namespaces.yaml") if one["kind"] == "Namespace"]
    return {one["metadata"]["name"]: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for one in listed}


def test_a_model_may_run_where_pods_are_restricted() -> None:
    (pod,) = documents("model-pod.yaml")
    assert namespaces()[pod["metadata"]["namespace"]] == "restricted"
    assert faults(pod["spec"]) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda spec: spec["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "volume x: hostPath"),
        (lambda spec: spec["securityContext"].pop("seccompProfile"), "model: seccompProfile"),
        (lambda spec: spec["securityContext"].pop("runAsNonRoot"), "model: runAsNonRoot"),
        (lambda spec: spec["containers"][0].pop("securityContext"), "model: allowPrivilegeEscalation"),
        (lambda spec: spec.update(hostPID=True), "hostPID"),
    ],
)
def test_what_is_not_restricted_is_found(change: Callable[[dict[str, Any]], object], fault: str) -> None:
    (pod,) = documents("model-pod.yaml")
    change(pod["spec"])
    assert fault in faults(pod["spec"])


def test_the_daemon_may_write_the_host_where_it_runs() -> None:
    (daemon,) = documents("daemonset.yaml")
    assert namespaces()[daemon["metadata"]["namespace"]] == "privileged"
    # That is all it needs the level for; its endpoint writes nothing.
    spec = pod_spec(daemon)
    volumes = ["volume monobase: hostPath", "volume features: hostPath"]
    assert faults(spec) == [*volumes, "monobase: runAsUser", "monobase: runAsNonRoot"]
    assert [mount["readOnly"] for mount in spec["containers"][1]["volumeMounts"]] == [True]


def test_a_fleet_is_not_filled_one_node_after_the_other() -> None:
    (daemon,) = documents("daemonset.yaml")
    share = daemon["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]
    assert str(share).endswith("%")
    spec = pod_spec(daemon)
    (priority,) = (one for one in documents("namespaces.yaml") if one["kind"] == "PriorityClass")
    assert spec["priorityClassName"] == priority["metadata"]["name"]
    # What users may give is below a thousand million (kubernetes.io, 2026-11).
    assert 0 < priority["value"] < 10**9
    assert spec["nodeSelector"]["kubernetes.io/arch"] == "amd64"
    for pod in (spec, documents("model-pod.yaml")[0]["spec"]):
        assert "nvidia.com/gpu" in [one["key"] for one in pod["tolerations"]]


def test_the_volume_of_models_is_the_tree_of_the_daemon() -> None:
    volume, claim = documents("models-volume.yaml")
    (pod,) = documents("model-pod.yaml")
    metadata = claim["metadata"]
    assert metadata["namespace"] == pod["metadata"]["namespace"]
    assert volume["spec"]["claimRef"] == {"namespace": metadata["namespace"], "name": metadata["name"]}
    for key in ("accessModes", "storageClassName"):
        assert volume["spec"][key] == claim["spec"][key]
    assert volume["spec"]["accessModes"] == ["ReadOnlyMany"]
    hosts = {"/srv/r8/monobase": "/there", "/etc/kubernetes/node-feature-discovery/features.d": "/features"}
    assert "--volume=/there:/srv/r8/monobase:ro" in podman_run(pod, hosts)[0]
    assert "--volume=/there:/srv/r8/monobase:rw" in podman_run(documents("daemonset.yaml")[0], hosts)[0]
