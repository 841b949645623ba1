from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from packaging.utils import canonicalize_name

from tests.catalogues import RELEASE, make_catalogue
from tests.command import wizard

REPO = "--repo=quay.io/team/images"
END = "bookworm-py311_2026a_20261122"


def export(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = wizard("export", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def pins(folder: Path) -> dict[str, str]:
    """Every version that the recipe's requirement lists pin, read in the plainest way there is."""
    lines = [line for file in folder.glob("requirements*.txt") for line in file.read_text().splitlines()]
    pairs = [line.split(";")[0].split(" ")[0].split("==") for line in lines if "==" in line]
    return {canonicalize_name(pair[0].partition("[")[0]): pair[1] for pair in pairs}


def test_an_image_stream_lists_what_the_lock_holds(recipes: Path) -> None:
    folder = recipes / f"cuda-jupyter-pytorch-{END}"
    (stream,) = yaml.safe_load_all(export("imagestream", folder, REPO).stdout)
    assert (stream["apiVersion"], stream["kind"]) == ("image.openshift.io/v1", "ImageStream")
    assert stream["metadata"]["name"] == "cuda-jupyter-pytorch-bookworm-py311"
    assert stream["metadata"]["labels"] == {"opendatahub.io/notebook-image": "true"}
    annotations = stream["metadata"]["annotations"]
    assert json.loads(annotations["opendatahub.io/recommended-accelerators"]) == ["nvidia.com/gpu"]
    (tag,) = stream["spec"]["tags"]
    assert tag["name"] == "2026a"
    assert tag["from"] == {"kind": "DockerImage", "name": f"quay.io/team/images:cuda-jupyter-pytorch-{END}"}
    software = json.loads(tag["annotations"]["opendatahub.io/notebook-software"])
    assert software == [{"name": "Python", "version": "v3.11"}, {"name": "CUDA", "version": "13.0.2"}]
    listed = json.loads(tag["annotations"]["opendatahub.io/notebook-python-dependencies"])
    locked = pins(folder)
    assert {each["name"] for each in listed} >= {"torch", "numpy", "jupyterlab", "odh-elyra"}
    assert [each for each in listed if locked[canonicalize_name(each["name"])] != each["version"]] == []
    # The packages of the Pipfile, and not their hundreds of dependencies.
    assert len(listed) < len(locked) / 4


def test_releases_of_one_workbench_are_tags_of_one_stream(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {"releases/2025b.toml": RELEASE})
    flags = ["--base=standard", "--os=c9s", "--python=3.11", "--bundle=plain", "--ide=editor", "--date=20261122"]
    for release in ("2025b", "2026a"):
        done = wizard("new", "--catalog", catalogue, f"--release={release}", *flags, "--offline", "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    two = [tmp_path / f"editor-plain-c9s-py311_{release}_20261122" for release in ("2025b", "2026a")]
    (stream,) = yaml.safe_load_all(export("--catalog", catalogue, "imagestream", *two, REPO).stdout)
    recommended = "opendatahub.io/workbench-image-recommended"
    assert [(tag["name"], tag["annotations"][recommended]) for tag in stream["spec"]["tags"]] == [
        ("2026a", "true"),
        ("2025b", "false"),
    ]
    again = export("--catalog", catalogue, "imagestream", two[1], two[1], REPO, code=1)
    assert "appears twice for one release" in again.stderr


def test_elyra_gets_runtimes_one_file_each(recipes: Path, tmp_path: Path) -> None:
    two = [recipes / f"runtime-spark-{END}", recipes / f"cuda-runtime-pytorch-{END}"]
    done = export("elyra", *two, REPO, "--out", tmp_path)
    assert done.stdout.splitlines() == [str(tmp_path / f"{folder.name}.json") for folder in two]
    cuda = json.loads((tmp_path / f"{two[1].name}.json").read_text())
    assert cuda["schema_name"] == "runtime-image"
    assert cuda["metadata"]["image_name"] == f"quay.io/team/images:{two[1].name}"
    assert cuda["metadata"]["tags"] == ["pytorch", "2026a", "cuda"]
    assert cuda["display_name"] == cuda["metadata"]["display_name"]
    # The fields that Elyra's own schema for runtime images requires and knows.
    assert set(cuda["metadata"]) <= {"display_name", "description", "image_name", "pull_policy", "pull_secret", "tags"}


@pytest.mark.parametrize("kind", ["StatefulSet", "Pod"])
@pytest.mark.parametrize("image", ["jupyter-minimal", "cuda-jupyter-pytorch"])
def test_manifests_are_what_kubernetes_takes(recipes: Path, kind: str, image: str) -> None:
    done = export("kubernetes", recipes / f"{image}-{END}", REPO, f"--kind={kind}", "--namespace=team")
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(done.stdout))
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    kinds = [document["kind"] for document in documents]
    assert kinds == ["Secret", "PersistentVolumeClaim", "NetworkPolicy", "Service", kind]
    assert {document["metadata"]["namespace"] for document in documents} == {"team"}
    spec = documents[-1]["spec"] if kind == "Pod" else documents[-1]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    gpus = {"nvidia.com/gpu": "1"} if image.startswith("cuda") else {}
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "8Gi", **gpus}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (1001, 1001)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/api", "port": 8888}
    assert spec["enableServiceLinks"] is False
    assert spec["volumes"][0] == {
        "name": "home",
        "persistentVolumeClaim": {"claimName": documents[1]["metadata"]["name"]},
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == ({"home", "shm"} if gpus else {"home"})
    service = next(document for document in documents if document["kind"] == "Service")
    labels = (
        documents[-1]["metadata"]["labels"]
        if kind == "Pod"
        else documents[-1]["spec"]["template"]["metadata"]["labels"]
    )
    assert service["spec"]["selector"].items() <= labels.items()


def test_the_platform_may_pick_the_user_and_the_prefix_moves_the_probes(recipes: Path) -> None:
    flags = [REPO, "--any-user", "--prefix=/notebook/team/mine/", "--name=mine", "--gpus=2"]
    done = export("kubernetes", recipes / f"jupyter-minimal-{END}", *flags)
    *_, stateful = yaml.safe_load_all(done.stdout)
    kubernetes_validate.validate(stateful, kubernetes_validate.latest_version(), strict=True)
    spec = stateful["spec"]["template"]["spec"]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])
    (container,) = spec["containers"]
    assert container["env"] == [{"name": "NB_PREFIX", "value": "/notebook/team/mine"}]
    assert container["livenessProbe"]["httpGet"]["path"] == "/notebook/team/mine/api"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        (["--kind=Pod"], "`podman kube play` runs it here; for a cluster, push it with `"),
        (["--repo=localhost/workbench-images"], "nodes that have it already start it; for a cluster, push it with `"),
    ],
)
def test_an_image_of_this_machine_is_named_as_one(recipes: Path, flags: list[str], note: str) -> None:
    done = export("kubernetes", recipes / f"jupyter-minimal-{END}", *flags)
    assert done.returncode == 0, done.stderr
    assert note in done.stderr
    assert len(list(yaml.safe_load_all(done.stdout))) >= 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["imagestream", "jupyter-minimal"], 1, "no cluster can pull from localhost/workbench-images"),
        (["imagestream", "runtime-spark", REPO], 1, "has no IDE, so no workbench can be started from it"),
        (["elyra", "jupyter-minimal", REPO], 1, "has an IDE, and pipelines run in runtimes"),
        (["elyra", "runtime-spark", "runtime-r", REPO], 2, "several runtime images are several files"),
        (["kubernetes", "runtime-spark"], 2, "has no IDE, so there is no page to serve"),
        (["kubernetes", "jupyter-minimal", "--name=Mine"], 2, "'Mine' cannot be the name of a workbench"),
        (["kubernetes", "jupyter-minimal", "--namespace=a b"], 2, "'a b' cannot be the namespace"),
        (["kubernetes", "jupyter-minimal", "--memory=lots"], 2, "'lots' is no amount for --memory"),
        (["kubernetes", "jupyter-minimal", "--prefix=/a b"], 2, "'/a b' is no path"),
        (["kubernetes", "jupyter-minimal", "--gpus=-1"], 2, "--gpus needs a number from 0 on"),
        (["kubernetes", "jupyter-minimal", "--repo=quay.io/a:tag"], 2, "'quay.io/a:tag' is not a repository"),
        (["kubernetes", "jupyter-minimal"], 1, " --push REPO`, and give `--repo REPO`"),
        (["kubernetes", "none"], 1, "there is no such recipe folder"),
        (["imagestreams", "jupyter-minimal"], 2, "invalid choice: 'imagestreams'"),
    ],
)
def test_what_cannot_be_exported(recipes: Path, arguments: list[str], code: int, message: str) -> None:
    kind, *rest = arguments
    rest = [str(recipes / f"{each}-{END}") if each[0] != "-" else each for each in rest]
    assert message in export(kind, *rest, code=code).stderr
