"""Our own recipes on ROCm and for the CPU, with stand-in lists where an index that is not here has the real ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.test_bundles import PLACES
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.compose.possible import attempt, compose_checked
from workbench.export.elyra import runtime_image
from workbench.export.imagestream import image_streams
from workbench.export.software import describe
from workbench.export.workspace_kind import workspace_kinds
from workbench.images.labels import ACCELERATOR_LABEL
from workbench.recipes.lint import lint_recipe
from workbench.recipes.write import write

VARIABLES = {"cpu": "PYTORCH_CPU_INDEX_URL", "rocm": "ROCM_INDEX_URL"}
PIN = "{}=={} --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our catalogue with a list for each Pipfile that waits for its index."""
    folder = tmp_path_factory.mktemp("rocm") / "catalogue"
    for part in ("base", "bundles", "cuda-layer", "ides", "releases", "snippets"):
        shutil.copytree(REPOSITORY / part, folder / part)
    for pipfile in [*folder.glob("bundles/*/py*-cpu/Pipfile"), *folder.glob("bundles/*/py*-rocm/Pipfile")]:
        if (pipfile.parent / "requirements.txt").exists():
            continue
        lists = pipfile.parent.name.partition("-")[2]
        torch = f"--extra-index-url ${{{VARIABLES[lists]}}}\n" + PIN.format("torch", f"2.14.1+{lists}")
        plain = pipfile.parent.with_name(pipfile.parent.name.partition("-")[0])
        for path in plain.glob("requirements-*.txt"):
            shutil.copy(path, pipfile.parent)
        (pipfile.parent / "requirements.txt").write_text(PIN.format("setuptools", "80.9.0") + torch)
    return folder


@pytest.fixture(scope="module")
def catalogue(root: Path) -> Catalogue:
    return read_catalogue(str(root))


def chosen(
    base: str, bundle: str = "pytorch", os: str = "bookworm", python: str = "3.11", ide: str = "jupyter"
) -> Selection:
    return Selection("2026a", "20261122", base, os, python, bundle, ide)


@pytest.mark.parametrize(("os", "python"), PLACES)
@pytest.mark.parametrize("base", VARIABLES)
def test_they_are_composed_and_linted_with_every_ide(catalogue: Catalogue, base: str, os: str, python: str) -> None:
    for bundle in ("pytorch", "langchain"):
        for ide in catalogue.ides:
            recipe, why = attempt(catalogue, chosen(base, bundle, os, python, ide))
            if recipe is None:
                assert ide in ("rstudio", "langflow"), why
                continue
            lint_recipe(recipe)
            assert str(recipe.tag) == f"{base}-{ide}-{bundle}-{os}-py{python.replace('.', '')}_2026a_20261122"
            assert f"--mount=type=secret,id={VARIABLES[base]},mode=0444" in recipe.containerfile
            assert b"nvidia" not in recipe.files["requirements.txt"].data
            label = f'LABEL {ACCELERATOR_LABEL}="amd.com/gpu"\n'
            assert (label in recipe.containerfile) == (base == "rocm")


def test_a_bundle_without_lists_for_rocm_is_not_offered_there(catalogue: Catalogue) -> None:
    recipe, why = attempt(catalogue, chosen("rocm", "tensorflow"))
    assert recipe is None
    assert why == "bundle tensorflow has no packages for Python 3.11 on the base rocm (no folder py311-rocm)"


def test_platforms_learn_which_gpus_it_is_for(root: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    folders = {}
    for base in ("rocm", "cuda-thin", "cpu"):
        for ide in ("jupyter", "runtime"):
            recipe = compose_checked(catalogue, chosen(base, ide=ide))
            folders[base, ide] = write(recipe, str(tmp_path)).folder
    repo, key = "quay.io/team/images", "opendatahub.io/recommended-accelerators"
    described = {base: describe(catalogue, folders[base, "jupyter"]) for base in ("rocm", "cuda-thin", "cpu")}
    streams = {base: image_streams([recipe], repo)[0]["metadata"] for base, recipe in described.items()}
    assert {base: each["annotations"].get(key) for base, each in streams.items()} == {
        "rocm": '["amd.com/gpu"]',
        "cuda-thin": '["nvidia.com/gpu"]',
        "cpu": None,
    }
    assert streams["rocm"]["name"] == "rocm-jupyter-pytorch-bookworm-py311"
    assert streams["rocm"]["annotations"]["opendatahub.io/notebook-image-name"].startswith("PyTorch 2.14.1 (ROCm,")
    limits = {}
    for base in ("rocm", "cpu"):
        done = wizard(
            "export", "--catalog", root, "kubernetes", folders[base, "jupyter"], f"--repo={repo}", "--kind=Pod"
        )
        (pod,) = [each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "Pod"]
        limits[base] = [name for name in pod["spec"]["containers"][0]["resources"]["limits"] if "/" in name]
    assert limits == {"rocm": ["amd.com/gpu"], "cpu": []}
    runtime = runtime_image(describe(catalogue, folders["rocm", "runtime"]), repo)
    assert runtime["metadata"]["tags"] == ["pytorch", "2026a", "rocm"]

    _, kind = workspace_kinds(list(described.values()), repo)
    sizes = {each["id"]: each["spec"] for each in kind["spec"]["podTemplate"]["options"]["podConfig"]["values"]}
    assert list(sizes) == ["small", "medium", "large", "gpu-amd", "gpu"]
    assert sizes["gpu-amd"]["resources"]["limits"]["amd.com/gpu"] == "1"
    assert sizes["gpu-amd"]["tolerations"][0]["key"] == "amd.com/gpu"
    assert sizes["gpu"]["resources"]["limits"]["nvidia.com/gpu"] == "1"
