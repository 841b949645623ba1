"""What Kubeflow takes of a release: a Notebook (1.x), and kinds of workspaces (2)."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.export.kubeflow_schema import check_notebook, check_workspace_kind
from workbench.catalog.reader import read_catalogue
from workbench.export.software import RecipeSummary, describe
from workbench.export.workspace_kind import workspace_kinds

pytestmark = pytest.mark.thorough

REPO = "--repo=quay.io/team/images"
END = "bookworm-py311_2026a_20261122"
RUNTIME = f"runtime-spark-{END}"


def kinds(recipes: Path, *flags: str) -> dict[str, dict[str, Any]]:
    """The kinds of workspaces of the standard set by name, each with its picture, which is held to be one."""
    done = wizard("export", "workspacekind", "--release=2026a", "--date=20261122", "--recipes", recipes, REPO, *flags)
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    found = {}
    for picture, kind in zip(documents[::2], documents[1::2], strict=True):
        check_workspace_kind(kind)
        where = kind["spec"]["spawner"]["icon"]["configMap"]
        assert picture["kind"] == "ConfigMap"
        assert (picture["metadata"]["name"], picture["metadata"]["namespace"]) == (where["name"], where["namespace"])
        # Kubeflow sees no others.
        assert picture["metadata"]["labels"] == {"notebooks.kubeflow.org/image-source": "true"}
        assert ElementTree.fromstring(picture["data"][where["key"]]).tag == "{http://www.w3.org/2000/svg}svg"
        found[kind["metadata"]["name"]] = kind
    return found


def images(kind: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {value["id"]: value for value in kind["spec"]["podTemplate"]["options"]["imageConfig"]["values"]}


def test_each_ide_of_the_standard_set_is_a_kind_with_its_images(recipes: Path) -> None:
    found = kinds(recipes)
    assert set(found) == {f"workbench-{ide}" for ide in ("jupyter", "vscode", "rstudio", "langflow", "tensorboard")}
    tags = {tag for kind in found.values() for tag in images(kind)}
    assert tags == {folder.name for folder in recipes.iterdir() if "runtime-" not in folder.name}
    value = images(found["workbench-jupyter"])[f"cuda-jupyter-pytorch-{END}"]
    assert value["spec"]["image"] == f"quay.io/team/images:cuda-jupyter-pytorch-{END}"
    assert value["spec"]["ports"] == [{"id": "jupyter", "port": 8888}]
    labels = {label["key"]: label["value"] for label in value["spawner"]["labels"]}
    assert labels["bundle"] == "pytorch" and labels["cuda_version"] == "13.0.2" and labels["date"] == "20261122"
    template = found["workbench-jupyter"]["spec"]["podTemplate"]
    assert template["extraEnv"] == [{"name": "NB_PREFIX", "value": '{{ httpPathPrefix "jupyter" }}'}]
    sizes = {name: kind["spec"]["podTemplate"]["options"]["podConfig"]["values"] for name, kind in found.items()}
    assert [size["id"] for size in sizes["workbench-jupyter"]] == ["small", "medium", "large", "gpu"]
    assert [size["id"] for size in sizes["workbench-vscode"]] == ["small", "medium", "large"]
    assert sizes["workbench-jupyter"][-1]["spec"]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_older_days_are_hidden_and_redirect_to_the_newest(recipes: Path) -> None:
    found = images(kinds(recipes, "--older=20261115", "--older=20261101", "--older=20261201")["workbench-jupyter"])
    stem, new = "jupyter-minimal-bookworm-py311_2026a", f"jupyter-minimal-{END}"
    assert "redirect" not in found[new] and "hidden" not in found[new]["spawner"]
    for date in ("20261115", "20261101"):
        old = found[f"{stem}_{date}"]
        assert old["redirect"]["to"] == new
        assert old["redirect"]["message"]["level"] == "Info"
        assert "2026-11-22" in old["redirect"]["message"]["text"]
        assert old["spawner"]["hidden"] is True
        assert old["spec"]["image"] == f"quay.io/team/images:{stem}_{date}"
    # Nothing leads back from a newer day.
    assert f"{stem}_20261201" not in found


def test_days_of_one_release_redirect_and_releases_do_not(recipes: Path) -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    newest = describe(catalogue, str(recipes / f"jupyter-minimal-{END}"))

    def of(release: str, date: str) -> RecipeSummary:
        stem = newest.stem
        selection = replace(newest.selection, release=release, date=date)
        return replace(newest, tag=f"{stem}_{release}_{date}", selection=selection)

    several = [of("2025b", "20261101"), newest, of("2025b", "20251001"), of("2026a", "20261108"), newest]
    _, kind = workspace_kinds(several, "quay.io/team/images")
    check_workspace_kind(kind)
    targets = {tag[-14:]: value.get("redirect", {}).get("to", "")[-14:] for tag, value in images(kind).items()}
    assert targets == {
        "2026a_20261122": "",
        "2026a_20261108": "2026a_20261122",
        "2025b_20261101": "",
        "2025b_20251001": "2025b_20261101",
    }
    assert kind["spec"]["podTemplate"]["options"]["imageConfig"]["spawner"]["default"] == newest.tag


@pytest.fixture(scope="module")
def jupyter_kind(recipes: Path) -> dict[str, Any]:
    return kinds(recipes)["workbench-jupyter"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kind: images(kind)[f"jupyter-r-{END}"].update(redirect={"to": "gone"}), "which is not there"),
        (lambda kind: kind["spec"]["podTemplate"].update(culling={}), "culling"),
        (lambda kind: kind["spec"]["spawner"].update(displayName="J"), "too short"),
        (lambda kind: kind["spec"]["podTemplate"]["probes"]["startupProbe"].update(port=1), "startupProbe"),
    ],
)
def test_the_schema_refuses_what_the_platform_would(
    jupyter_kind: dict[str, Any],
    change: Any,  # noqa: ANN401
    message: str,
) -> None:
    kind = copy.deepcopy(jupyter_kind)
    change(kind)
    with pytest.raises(Exception, match=message):
        check_workspace_kind(kind)


@pytest.mark.parametrize("image", ["jupyter-minimal", "cuda-jupyter-pytorch", "rstudio-r"])
def test_a_notebook_is_what_kubeflow_1_takes(recipes: Path, image: str) -> None:
    done = wizard("export", "notebook", recipes / f"{image}-{END}", REPO, "--namespace=team", "--name=mine")
    assert done.returncode == 0, done.stderr
    claim, notebook = yaml.safe_load_all(done.stdout)
    check_notebook(notebook)
    assert (claim["kind"], claim["metadata"]["name"], claim["metadata"]["namespace"]) == (
        "PersistentVolumeClaim",
        "mine",
        "team",
    )
    spec = notebook["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    # The controller reads the state of the container of the Notebook's name, and the service's port of the first one.
    assert container["name"] == notebook["metadata"]["name"] == "mine"
    assert container["ports"][0]["containerPort"] == 8888
    assert container["workingDir"] == "/opt/app-root/src"
    # NB_PREFIX is the controller's to set.
    assert "env" not in container
    assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) is image.startswith("cuda")
    with pytest.raises(jsonschema.ValidationError):
        check_notebook({**notebook, "spec": {**notebook["spec"], "more": 1}})


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["workspacekind"], 2, "name the standard set with --release and --date, or recipe folders"),
        (["workspacekind", RUNTIME, "--release=2026a"], 2, "not both"),
        (["workspacekind", RUNTIME, REPO], 1, "has no IDE, so no workspace can be started from it"),
        (["workspacekind", f"jupyter-r-{END}"], 1, "no cluster can pull from localhost/workbench-images"),
        (["workspacekind", f"jupyter-r-{END}", REPO, "--older=20261131"], 2, "20261131"),
        (["workspacekind", f"jupyter-r-{END}", REPO, "--namespace=a b"], 2, "'a b' cannot be the namespace"),
        (["notebook", RUNTIME, REPO], 2, "has no IDE, so there is no page to serve"),
    ],
)
def test_what_cannot_be_exported(recipes: Path, arguments: list[str], code: int, message: str) -> None:
    words = [str(recipes / word) if word.endswith(END) else word for word in arguments]
    done = wizard("export", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert message in done.stderr
