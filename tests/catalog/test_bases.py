"""Bases are data: a table in the release file adds one or changes one, without a line of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, RELEASE, make_catalogue, selection
from tests.command import wizard
from workbench.catalog.bases import check_base, default_bases, find_base
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, combinations, compose_checked
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.wizard.choices import choices_of

ROCM = '[bases.rocm]\ndisplay = "ROCm 7.2 with MIOpen"\ntag = "rocm-{os}-{python}-runtime"\nprefix = "rocm"\n'
TAG = "rocm-editor-plain-c9s-py311_2026a_20261122"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_catalogue(tmp_path, {"releases/2026a.toml": f"{RELEASE}\n{ROCM}"})


@pytest.mark.parametrize(
    ("base", "cuda"),
    [
        ("standard", False),
        ("cuda", True),
        ("cuda-devel", True),
        ("cuda-thin", True),
        ("quay.io/acme/cuda-12:mytag", True),
        ("docker.io/nvidia/cuda:13.0.2-runtime", True),
        ("quay.io/acme/base:cuda_13", True),
        ("quay.io/acme/base:1", False),
        ("quay.io/barracudas/base:1", False),
    ],
)
def test_which_bases_are_cuda(base: str, cuda: bool) -> None:
    assert check_base(base) == base
    found = find_base(default_bases(), base)
    assert (found.name, found.cuda, found.prefix) == (base, cuda, "cuda" if cuda else "")


def test_a_base_that_is_none_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="no base is named 'cud'"):
        find_base(default_bases(), "cud")
    with pytest.raises(UsageError, match="is no image reference"):
        check_base("quay.io/acme/ba se:1")


def test_the_images_that_the_bases_stand_for() -> None:
    tags = {name: base.image_tag("c9s", "3.12", "2026a", "20261122") for name, base in default_bases().items()}
    assert tags == {
        "standard": "base-c9s-py312_2026a_20261122",
        "cuda": "cuda-c9s-py312-runtime-cudnn_2026a_20261122",
        "cuda-devel": "cuda-c9s-py312-devel-cudnn_2026a_20261122",
        "cuda-thin": "cuda-c9s-py312-base_2026a_20261122",
    }


def test_a_table_alone_adds_a_base_everywhere(folder: Path, tmp_path: Path) -> None:
    catalogue = read_catalogue(str(folder))
    recipe = compose_checked(catalogue, selection(base="rocm"))
    assert str(recipe.tag) == TAG
    assert "FROM localhost/workbench-images:rocm-c9s-py311-runtime_2026a_20261122\n" in recipe.containerfile
    possible = {chosen.base for chosen in combinations(catalogue, "latest") if attempt(catalogue, chosen)[0]}
    assert possible == {"standard", "cuda", "cuda-devel", "cuda-thin", "rocm"}
    labels = {choice.value: choice.title for choice in choices_of("base", catalogue, {"release": "2026a"})}
    assert labels["rocm"] == "rocm        ROCm 7.2 with MIOpen"
    flags = [f"--{name}={value}" for name, value in {**ANSWERS, "base": "rocm"}.items()]
    done = wizard("new", "--catalog", folder, "--offline", "--out", tmp_path / "out", *flags)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / TAG / "recipe.toml").exists()
    parsed = wizard("tag", "--catalog", folder, "parse", TAG).stdout
    assert "cuda     no\nide      editor\n" in parsed
    assert parsed.endswith("prefix   rocm\n")


def test_the_rules_go_by_the_table(tmp_path: Path) -> None:
    """A base that is no CUDA one is none, whatever else it is; and a release without CUDA can have it."""
    files = {
        "releases/2026a.toml": RELEASE.replace('[cuda]\nversion = "13.0.2"\n', "") + ROCM,
        "bundles/2-gpu/display.txt": "GPU",
        "bundles/2-gpu/bundle.toml": 'cuda = "required"\n',
        "bundles/2-gpu/py311/requirements.txt": "torch==2.11.0\n",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    reasons = {
        base: attempt(catalogue, selection(base=base, bundle=bundle))[1]
        for base, bundle in (("rocm", "plain"), ("cuda", "plain"), ("standard", "gpu"))
    }
    assert reasons == {
        "rocm": "",
        "cuda": "release 2026a pins no CUDA",
        "standard": "bundle gpu needs a CUDA base",
    }


def test_a_table_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    release = f'{RELEASE}\n[bases.cuda]\ndisplay = "CUDA for us"\n[bases.cuda-thin]\nthin_for = "cuda-devel"\n'
    bases = read_catalogue(str(make_catalogue(tmp_path, {"releases/2026a.toml": release}))).releases["2026a"].bases
    assert list(bases) == ["standard", "cuda", "cuda-devel", "cuda-thin"]
    assert (bases["cuda"].display, bases["cuda"].layer) == ("CUDA for us", "runtime-cudnn")
    assert bases["cuda-thin"].thin_for == "cuda-devel"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[bases.rocm]\ntag = "rocm"\n', "bases.rocm needs a tag with {os} and {python} in it"),
        ('[bases.rocm]\ndisplay = "ROCm"\n', "bases.rocm needs a tag with {os} and {python} in it"),
        ('[bases.rocm]\ntag = "ro cm-{os}-{python}"\n', "'ro cm-{os}-{python}' cannot be part of an image's tag"),
        ('[bases.rocm]\ntag = "{os}-{python}"\nprefix = "-"\n', "'-' cannot be part of a tag"),
        (
            '[bases.rocm]\ntag = "{os}-{python}"\nlayer = "devil"\n',
            "'devil' is no CUDA layer: did you mean devel or devel-cudnn?",
        ),
        (
            '[bases.rocm]\ntag = "{os}-{python}"\nthin_for = "cud"\n',
            "'cud' is no base: did you mean cuda or cuda-thin or cuda-devel?",
        ),
        ('[bases.gpu]\ntag = "{os}-{python}"\ncuda = true\n', "a CUDA base says so in its name, as cuda-gpu does"),
        ('[bases."a/b"]\ntag = "{os}-{python}"\n', "'a/b' cannot name a base"),
        ("[bases.cuda]\nlabel = 1\n", "unknown key 'label'"),
    ],
)
def test_a_wrong_table_is_a_fault_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    folder = make_catalogue(tmp_path, {"releases/2026a.toml": f"{RELEASE}\n{table}"})
    with pytest.raises(FaultsError) as raised:
        read_catalogue(str(folder))
    (where, text), *others = raised.value.faults
    assert not others
    assert where.startswith("releases/2026a.toml:")
    assert message in text
