"""A workbench on a cluster: who gets in, where it runs, and what its site says of that."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.command import wizard
from workbench.errors import UsageError
from workbench.export.kubernetes import Workbench, check_workbench, manifests
from workbench.export.site import site_of

REPO = "--repo=quay.io/team/images"
END = "bookworm-py311_2026a_20261122"
SITE = """\
storage_class = "fast"
service_account = "workbench"
runtime_class = "nvidia"
shm = "2Gi"
pull_secrets = ["quay"]
tolerations = ["nvidia.com/gpu:NoSchedule", "team=red"]
allow_from = ["ingress-nginx/app.kubernetes.io/name=ingress-nginx,tier=front"]

[nodes]
"nvidia.com/gpu.product" = "A100"

[env]
HTTPS_PROXY = "http://proxy:3128"
TZ = "UTC"
"""


def exported(recipes: Path, *flags: str, kind: str = "kubernetes") -> tuple[dict[str, dict[str, Any]], str]:
    """Return the documents of a workbench by kind, each held to Kubernetes' schema, and the notes."""
    done = wizard("export", kind, recipes / f"jupyter-minimal-{END}", REPO, *flags)
    assert done.returncode == 0, done.stderr
    documents = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    for document in documents.values():
        if document["kind"] != "Notebook":
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    return documents, done.stderr


def pod_of(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = documents["StatefulSet"]["spec"]["template"]["spec"]
    return found


def refused(recipes: Path, *flags: str) -> str:
    done = wizard("export", "kubernetes", recipes / f"jupyter-minimal-{END}", REPO, *flags)
    assert (done.returncode, done.stdout) in ((1, ""), (2, "")), done.stdout
    return done.stderr


def test_nobody_gets_in_without_the_token_and_nobody_connects(recipes: Path) -> None:
    documents, notes = exported(recipes)
    secret, policy = documents["Secret"], documents["NetworkPolicy"]
    token = base64.b64decode(secret["data"]["token"]).decode()
    assert len(token) == 48 and token not in notes
    assert "port-forward service/jupyter-minimal 8888" in notes and "get secret jupyter-minimal-token" in notes
    (container,) = pod_of(documents)["containers"]
    reference = {"secretKeyRef": {"name": secret["metadata"]["name"], "key": "token"}}
    assert container["env"] == [{"name": "WORKBENCH_TOKEN", "valueFrom": reference}]
    assert policy["spec"]["policyTypes"] == ["Ingress"] and "ingress" not in policy["spec"]
    labels = documents["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    other, _ = exported(recipes)
    assert other["Secret"]["data"] != secret["data"]


def test_a_secret_that_exists_and_a_platform_before_it(recipes: Path) -> None:
    documents, notes = exported(recipes, "--token-secret=mine")
    assert "Secret" not in documents and notes == ""
    (variable,) = pod_of(documents)["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "mine", "key": "token"}
    below, _ = exported(recipes, "--prefix=/notebook/team/mine")
    assert "Secret" not in below
    assert [each["name"] for each in pod_of(below)["containers"][0]["env"]] == ["NB_PREFIX"]
    both, _ = exported(recipes, "--prefix=/notebook/team/mine", "--token-secret=mine")
    assert [each["name"] for each in pod_of(both)["containers"][0]["env"]] == ["NB_PREFIX", "WORKBENCH_TOKEN"]


def test_a_site_says_it_once_for_all(recipes: Path, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    flags = ["--allow-from=10.0.0.0/8", "--allow-from=/app=hub", "--env=TZ=Europe/Paris", "--node=disk=ssd"]
    documents, _ = exported(recipes, f"--site={tmp_path / 'site.toml'}", "--service-account=own", *flags)
    spec = pod_of(documents)
    assert spec["serviceAccountName"] == "own" and spec["runtimeClassName"] == "nvidia"
    assert spec["imagePullSecrets"] == [{"name": "quay"}]
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "A100", "disk": "ssd"}
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "operator": "Equal", "value": "red"},
    ]
    assert spec["volumes"][1] == {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    assert spec["containers"][0]["env"][:2] == [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "TZ", "value": "Europe/Paris"},
    ]
    assert documents["PersistentVolumeClaim"]["spec"]["storageClassName"] == "fast"
    (rule,) = documents["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8888}]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "ingress-nginx", "tier": "front"}},
        },
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"podSelector": {"matchLabels": {"app": "hub"}}},
    ]
    notebook, _ = exported(recipes, f"--site={tmp_path / 'site.toml'}", kind="notebook")
    assert notebook["Notebook"]["spec"]["template"]["spec"]["nodeSelector"] == {"nvidia.com/gpu.product": "A100"}


def test_a_claim_that_exists_is_used_as_it_is(recipes: Path) -> None:
    documents, _ = exported(recipes, "--claim=home-jupyter-minimal-0")
    assert "PersistentVolumeClaim" not in documents
    claimed = {"name": "home", "persistentVolumeClaim": {"claimName": "home-jupyter-minimal-0"}}
    assert pod_of(documents)["volumes"] == [claimed]


def test_one_name_of_two_kinds_is_two_workbenches_with_the_field_s_labels(recipes: Path) -> None:
    stateful, _ = exported(recipes)
    pod, _ = exported(recipes, "--kind=Pod")
    selected = stateful["Service"]["spec"]["selector"]
    assert not selected.items() <= pod["Pod"]["metadata"]["labels"].items()
    # The one that is applied last has the policy's name: it must not leave the other open.
    for policy in (stateful["NetworkPolicy"], pod["NetworkPolicy"]):
        covered = policy["spec"]["podSelector"]["matchLabels"].items()
        assert covered <= pod["Pod"]["metadata"]["labels"].items()
        assert covered <= stateful["StatefulSet"]["spec"]["template"]["metadata"]["labels"].items()
    labels = stateful["StatefulSet"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "2026a_20261122"
    assert labels["app.kubernetes.io/managed-by"] == "workbench-images"
    # What a stateful set is selected by can never be changed, and a version is.
    assert "app.kubernetes.io/version" not in stateful["StatefulSet"]["spec"]["selector"]["matchLabels"]
    assert pod_of(stateful)["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_a_version_that_no_label_can_have_is_left_out() -> None:
    for version, labelled in (("2026a_20261122", True), (f"{'r' * 60}_20261122", False)):
        workbench = Workbench("mine", "quay.io/team/images:x", version=version)
        assert [("app.kubernetes.io/version" in each["metadata"]["labels"]) for each in manifests(workbench)] == (
            [labelled] * 4
        )


@pytest.mark.parametrize("namespace", ["a" * 63, "1st"])
def test_namespaces_are_those_that_there_can_be(namespace: str) -> None:
    documents = manifests(check_workbench(Workbench("mine", "quay.io/team/images:x", namespace=namespace)))
    assert {each["metadata"]["namespace"] for each in documents} == {namespace}


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("tolerations", "gpu:Never", "'Never' is no effect of a taint"),
        ("tolerations", "a b", "a b= is no label"),
        ("nodes", "disk", "--node 'disk' is no pair"),
        ("nodes", f"disk={'x' * 64}", "is no label"),
        ("env", "A-B=1", "'A-B' cannot be the variable"),
        ("env", "WORKBENCH_TOKEN=x", "WORKBENCH_TOKEN is reserved"),
        ("allow_from", "/", "--allow-from '' is no pair"),
        ("allow_from", "", "lets nobody in"),
        ("allow_from", "A", "'A' cannot be the namespace"),
        ("allow_from", "10.0.0.1/8", "'10.0.0.1' cannot be the namespace"),
        ("allow_from", "fe80::1%eth0/128", "'fe80::1%eth0' cannot be the namespace"),
        ("allow_from", "/a..b/c=x", "a..b/c=x is no label"),
        ("nodes", "a.-b/c=x", "a.-b/c=x is no label"),
        ("pull_secrets", "a..b", "'a..b' cannot be the pull secret"),
        ("pull_secrets", "a_b", "'a_b' cannot be the pull secret"),
    ],
)
def test_what_an_api_server_would_refuse(key: str, text: str, message: str) -> None:
    for file, flags in (({key: [text]}, {}), ({}, {key: [text]})):
        if key in ("nodes", "env") and file:
            continue
        with pytest.raises(UsageError) as error:
            site_of(file, flags)
        assert message in error.value.message


def test_names_and_amounts_that_an_api_server_would_refuse() -> None:
    with pytest.raises(UsageError, match=r"'\$\(id\)' cannot be the storage class"):
        site_of({}, {"storage_class": "$(id)"})
    with pytest.raises(UsageError, match="'big' is no amount for --shm"):
        site_of({"shm": "big"}, {})
    right = Workbench("mine", "quay.io/team/images:x", namespace="team")
    assert check_workbench(right) is right
    wrong: dict[str, Any]
    for field, text in [
        *(("name", "1st"), ("name", "a" * 53), ("namespace", "a" * 64), ("secret", "A"), ("claim", "a/b")),
        *(("memory", "100m"), ("memory", "0"), ("storage", "1wb"), ("storage", "0Gi"), ("storage", "9Ei")),
        *(("storage", "1e3"), ("cpu", "2Gi"), ("cpu", "0m"), ("cpu", "0.0001"), ("prefix", "/a b")),
    ]:
        wrong = {field: text}
        with pytest.raises(UsageError):
            check_workbench(replace(right, **wrong))
    with pytest.raises(UsageError):
        check_workbench(replace(right, gpus=10**20))


def test_a_site_with_faults_names_their_lines(recipes: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('pull_secrets = "quay"\nstorage = "fast"\n')
    message = refused(recipes, f"--site={site}")
    assert f"{site}:1: pull_secrets must be a list of strings" in message
    assert f"{site}:2: unknown key 'storage'" in message
    assert "cannot be read" in refused(recipes, f"--site={tmp_path / 'none.toml'}")
