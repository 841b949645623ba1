"""What `export kubernetes` writes, given to a real API server and its controllers."""

from __future__ import annotations

import base64
import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import wizard
from tests.engine import search_path
from tests.kubernetes.cluster import Cluster, Document
from tests.kubernetes.pod_security import faults
from tests.kubernetes.test_supervisor import until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

REPO = "--repo=quay.io/team/images"
SITE = """\
storage_class = "grows"
service_account = "workbench"
runtime_class = "nvidia"
shm = "2Gi"
pull_secrets = ["quay"]
tolerations = ["nvidia.com/gpu:NoSchedule", "team=red"]
allow_from = ["ingress-nginx/app.kubernetes.io/name=ingress-nginx,tier=front", "2001:db8::/32"]

[nodes]
"nvidia.com/gpu.product" = "A100"

[env]
HTTPS_PROXY = "http://proxy:3128"
"""
# By what is different about them: the recipe and the flags.
EXPORTS = {
    "plain": ("jupyter", ()),
    "VS Code": ("vscode", ()),
    "site": ("jupyter", ("--site=site.toml", "--service-account=own", "--env=TZ=UTC", "--node=disk=ssd")),
    "let in": ("vscode", ("--allow-from=hub", "--allow-from=10.0.0.0/8", "--allow-from=/app=hub,tier=front")),
    "a secret and a claim that exist": ("jupyter", ("--token-secret=mine", "--claim=home-old-0")),
    "a platform": ("vscode", ("--any-user", "--prefix=/notebook/team/mine/")),
    "GPUs": ("cuda", ("--gpus=2", "--memory=32Gi", "--cpu=7500m")),
    "no GPU": ("cuda", ("--gpus=0", "--shm=512Mi")),
}
# Kinds that no controller writes the state of.
UNTOUCHED = ("Secret", "NetworkPolicy", "Service")


def exported(recipe: Path, *flags: str, kind: str = "kubernetes") -> list[Document]:
    done = wizard("export", kind, recipe, REPO, *flags)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def holds(wanted: Any, found: Any) -> bool:  # noqa: ANN401, JSON
    """Whether all of `wanted` is in `found`: the server adds what is not given, and changes nothing that is."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(holds(wanted[name], found.get(name, "")) for name in wanted)
    if isinstance(wanted, list):
        # By key, where entries have one: those that were there before come first.
        return isinstance(found, list) and all(any(holds(each, one) for one in found) for each in wanted)
    return bool(wanted == found)


def pods(cluster: Cluster, namespace: str, labels: dict[str, str]) -> list[Document]:
    words = ",".join(f"{key}={value}" for key, value in labels.items())
    found = cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods", labelSelector=words)
    assert found.taken, found.message
    return list(found.body["items"])


@pytest.mark.parametrize("kind", ["StatefulSet", "Pod"])
@pytest.mark.parametrize("what", EXPORTS)
def test_the_server_takes_it_whole_and_the_second_time_nothing_changes(
    cluster: Cluster, namespace: str, recipes: dict[str, Path], tmp_path: Path, what: str, kind: str
) -> None:
    recipe, flags = EXPORTS[what]
    (tmp_path / "site.toml").write_text(SITE)
    words = [word.replace("site.toml", str(tmp_path / "site.toml")) for word in flags]
    documents = exported(recipes[recipe], f"--kind={kind}", f"--namespace={namespace}", "--name=mine", *words)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "own", "namespace": namespace}}
    handler = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "n"}
    for each in (account, handler):
        assert cluster.apply(each).taken
    for document in documents:
        done = cluster.apply(document)
        assert done.status == 201, f"{document['kind']}: {done.message}"
        assert holds(document, done.body), done.body
        again = cluster.apply(document).body
        assert again.get("spec") == done.body.get("spec") and again.get("data") == done.body.get("data")
        if document["kind"] in UNTOUCHED:
            assert again["metadata"]["resourceVersion"] == done.body["metadata"]["resourceVersion"], document["kind"]
    service = next(each for each in documents if each["kind"] == "Service")
    policy = next(each for each in documents if each["kind"] == "NetworkPolicy")
    name = "mine" if kind == "Pod" else "mine-0"
    # The controller's, of a stateful set: what it made of the template went through the server's admission too.
    pod = cluster.until(f"/api/v1/namespaces/{namespace}/pods/{name}", lambda _: True)
    assert faults(pod["spec"]) == []
    for labels in (service["spec"]["selector"], policy["spec"]["podSelector"]["matchLabels"]):
        assert [each["metadata"]["name"] for each in pods(cluster, namespace, labels)] == [name]


def test_one_name_of_two_kinds_leaves_neither_open(cluster: Cluster, namespace: str, recipes: dict[str, Path]) -> None:
    for kind, extra in (("StatefulSet", ["--allow-from=hub"]), ("Pod", [])):
        for document in exported(
            recipes["jupyter"], f"--kind={kind}", f"--namespace={namespace}", "--name=one", *extra
        ):
            assert cluster.apply(document).taken
    cluster.until(f"/api/v1/namespaces/{namespace}/pods/one-0", lambda _: True)
    policies = cluster.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")["items"]
    covered = {
        pod["metadata"]["name"]
        for policy in policies
        for pod in pods(cluster, namespace, policy["spec"]["podSelector"]["matchLabels"])
    }
    assert covered == {"one", "one-0"}
    service = cluster.get(f"/api/v1/namespaces/{namespace}/services/one")
    assert len(pods(cluster, namespace, service["spec"]["selector"])) == 1


def test_a_stateful_set_follows_a_later_export(cluster: Cluster, namespace: str, recipes: dict[str, Path]) -> None:
    flags = [f"--namespace={namespace}", "--name=mine", "--token-secret=mine"]
    for document in exported(recipes["jupyter"], *flags):
        assert cluster.apply(document).taken
    later = exported(recipes["cuda"], *flags, "--cpu=4", "--env=TZ=UTC", "--shm=1Gi", "--allow-from=hub", "--any-user")
    for document in later:
        done = cluster.apply(document)
        assert done.status == 200, f"{document['kind']}: {done.message}"
        assert holds(document, done.body)
    # What the later one does not name is not left behind.
    spec = cluster.find(later[-1])["spec"]["template"]["spec"]
    assert "runAsUser" not in spec["securityContext"]


def storage_class(cluster: Cluster, name: str, *, grows: bool) -> None:
    document = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner",
        "allowVolumeExpansion": grows,
    }
    assert cluster.apply(document).taken


def volume(cluster: Cluster, name: str, of: str) -> None:
    """Make a volume of a class; it is bound to the next claim of that class."""
    spec = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": of,
        "hostPath": {"path": f"/nowhere/{name}", "type": "Directory"},
    }
    done = cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    assert done.taken, done.message


@pytest.mark.parametrize(
    ("grows", "size", "refusal"),
    [
        (True, "20Gi", ""),
        (True, "5Gi", "field can not be less than previous value"),
        (False, "20Gi", "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"),
    ],
)
def test_a_claim_grows_where_its_class_lets_it(
    cluster: Cluster, namespace: str, recipes: dict[str, Path], grows: bool, size: str, refusal: str
) -> None:
    name = f"{namespace}-class"
    storage_class(cluster, name, grows=grows)
    volume(cluster, name, name)
    flags = [f"--namespace={namespace}", "--name=mine", "--token-secret=mine", f"--storage-class={name}"]
    for document in exported(recipes["jupyter"], *flags, "--size=10Gi"):
        assert cluster.apply(document).taken
    where = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/mine"
    cluster.until(where, lambda found: found["status"].get("phase") == "Bound")
    refused: dict[str, str] = {}
    for document in exported(recipes["jupyter"], *flags, f"--size={size}"):
        done = cluster.apply(document)
        refused |= {document["kind"]: done.message} if not done.taken else {}
    if refusal:
        assert list(refused) == ["PersistentVolumeClaim"] and refusal in refused["PersistentVolumeClaim"]
    assert bool(refused) == bool(refusal), refused
    assert cluster.get(where)["spec"]["resources"]["requests"]["storage"] == ("10Gi" if refusal else size)


def test_kubectl_applies_what_the_documents_say(cluster: Cluster, namespace: str, recipes: dict[str, Path]) -> None:
    if shutil.which("kubectl", path=search_path()) is None:
        pytest.skip("kubernetes-client not installed")

    def kubectl(*words: str, stdin: str = "") -> str:
        command = ["kubectl", f"--kubeconfig={cluster.kubeconfig}", f"--cache-dir={cluster.folder}/kubectl", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    done = wizard("export", "kubernetes", recipes["vscode"], REPO, f"--namespace={namespace}", "--name=mine")
    assert done.returncode == 0, done.stderr
    made = kubectl("apply", "-f", "-", stdin=done.stdout).splitlines()
    assert len(made) == 5 and all(line.endswith(" created") for line in made)
    again = kubectl("apply", "-f", "-", stdin=done.stdout).splitlines()
    assert [line for line in again if not line.endswith(" unchanged")] == []
    # The note of the export shows how to read the token.
    (shown,) = [line for line in done.stderr.splitlines() if "get secret" in line]
    command = shown.partition("`kubectl ")[2].rpartition("`")[0]
    script = ["sh", "-c", f"kubectl --kubeconfig={cluster.kubeconfig} {command}"]
    token = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    secret = next(each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "Secret")
    assert token == base64.b64decode(secret["data"]["token"]).decode()


def test_the_claim_of_an_earlier_export_is_kept_and_named(
    cluster: Cluster, namespace: str, recipes: dict[str, Path]
) -> None:
    """Stateful sets had templates of claims once, and those cannot be changed."""
    flags = [f"--namespace={namespace}", "--name=mine", "--token-secret=mine"]
    *_, now = exported(recipes["jupyter"], *flags)
    before = copy.deepcopy(now)
    before["spec"]["template"]["spec"]["volumes"] = []
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    before["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "home"}, "spec": claim}]
    assert cluster.apply(before).taken
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    cluster.until(f"{claims}/home-mine-0", lambda _: True)
    refused = cluster.apply(now)
    assert not refused.taken and "updates to statefulset spec for fields other than" in refused.message
    cluster.request("DELETE", f"{cluster.path(now)}/mine", propagationPolicy="Foreground")
    until(lambda: cluster.request("GET", f"{cluster.path(now)}/mine").status == 404)
    for document in exported(recipes["jupyter"], *flags, "--claim=home-mine-0"):
        done = cluster.apply(document)
        assert done.taken, done.message
    assert [each["metadata"]["name"] for each in cluster.get(claims)["items"]] == ["home-mine-0"]
    pod = cluster.until(f"/api/v1/namespaces/{namespace}/pods/mine-0", lambda _: True)
    assert {"name": "home", "persistentVolumeClaim": {"claimName": "home-mine-0"}} in pod["spec"]["volumes"]
