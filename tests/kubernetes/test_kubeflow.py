"""What Kubeflow takes, given to an API server that has its resources."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import wizard
from tests.export.kubeflow_schema import pod_of
from tests.kubernetes.cluster import Cluster, Document
from tests.kubernetes.crds import definitions
from tests.kubernetes.pod_security import faults
from tests.kubernetes.test_exports import REPO, SITE, exported, holds

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def kubeflow(cluster: Cluster) -> Cluster:
    """The cluster, with Kubeflow's resources defined."""
    for definition in definitions():
        done = cluster.apply(definition)
        assert done.taken, done.message
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"
        cluster.until(path, lambda found: _is(found, "Established") and not _is(found, "NonStructuralSchema"))
    for version in ("v1", "v1beta1"):
        cluster.until(f"/apis/kubeflow.org/{version}", lambda found: bool(found["resources"]))
    return cluster


def _is(found: Document, condition: str) -> bool:
    conditions = found.get("status", {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def as_pod(spec: Document, namespace: str) -> Document:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": namespace}, "spec": spec}


@pytest.mark.parametrize("recipe", ["jupyter", "cuda"])
def test_a_notebook(kubeflow: Cluster, namespace: str, recipes: dict[str, Path], tmp_path: Path, recipe: str) -> None:
    (tmp_path / "site.toml").write_text(SITE.replace('runtime_class = "nvidia"\n', ""))
    flags = [f"--namespace={namespace}", "--name=mine", f"--site={tmp_path / 'site.toml'}", "--service-account=default"]
    claim, notebook = exported(recipes[recipe], *flags, kind="notebook")
    for document in (claim, notebook):
        done = kubeflow.apply(document, dry_run=True)
        assert done.status == 201 and holds(document, done.body), done.message
    # The definition knows no pods; the server does.
    pod = kubeflow.apply(as_pod(notebook["spec"]["template"]["spec"], namespace), dry_run=True)
    assert pod.taken, pod.message
    assert faults(pod.body["spec"]) == []


@pytest.fixture(scope="module")
def kinds(recipes: dict[str, Path]) -> list[Document]:
    done = wizard("export", "workspacekind", *recipes.values(), REPO, "--older=20261115", "--namespace=kubeflow")
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_kinds_of_workspaces(kubeflow: Cluster, namespace: str, kinds: list[Document]) -> None:
    kubeflow.make_namespace("kubeflow")
    for document in kinds:
        done = kubeflow.apply(document, dry_run=True)
        assert done.status == 201 and holds(document, done.body), f"{document['kind']}: {done.message}"
        if document["kind"] != "WorkspaceKind":
            continue
        template = document["spec"]["podTemplate"]
        sizes = template["options"]["podConfig"]["values"]
        assert len(sizes) > 2
        for size in sizes:
            pod = kubeflow.apply(as_pod(pod_of(template, size["spec"]), namespace), dry_run=True)
            assert pod.taken, pod.message
            assert faults(pod.body["spec"]) == []


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda kind: kind["spec"]["podTemplate"].update(culling={}), "field not declared in schema"),
        (lambda kind: kind["spec"]["spawner"].update(displayName="J"), "should be at least 2 chars long"),
        (lambda kind: kind["spec"]["spawner"].pop("icon"), "spec.spawner.icon: Required value"),
        (lambda kind: kind["spec"]["spawner"]["icon"].update(url="x"), "must validate one and only one schema"),
        (lambda kind: kind["spec"]["podTemplate"]["ports"][0].update(protocol="TCP"), "Unsupported value"),
    ],
)
def test_its_definitions_refuse_what_kubeflow_would(
    kubeflow: Cluster, kinds: list[Document], change: Callable[[Any], object], refusal: str
) -> None:
    kind = copy.deepcopy(next(each for each in kinds if each["kind"] == "WorkspaceKind"))
    change(kind)
    done = kubeflow.apply(kind, dry_run=True)
    assert not done.taken and refusal in done.message, done.message
