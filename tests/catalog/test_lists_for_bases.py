"""Bases that have package lists of their own: `lists = "cpu"` in a base's table, folders py311-cpu in bundles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, OWN_CUDA, RELEASE, make_catalogue, selection
from tests.command import wizard
from tests.release.index import SOURCE, Index
from tests.release.test_freeze import faults_of
from workbench.catalog.reader import open_catalogue, read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.views import at_release
from workbench.compose.possible import attempt, combinations
from workbench.errors import FaultsError
from workbench.export.software import describe
from workbench.names import list_folder, lists_of_folder, python_of_lists
from workbench.recipes.write import write
from workbench.release.freeze import freeze
from workbench.release.new import is_lock
from workbench.verbs.check import check_catalogue
from workbench.wizard.choices import choices_of

CPU = '\n[bases.cpu]\ndisplay = "CPU"\ntag = "base-{os}-{python}"\nprefix = "cpu"\nlists = "cpu"\n'
WITH_INDEX = (
    '[[source]]\nname = "more"\nurl = "${MORE_INDEX_URL}"\n[packages]\ntorch = {version = "*", index = "more"}\n'
)
HASH = f"--hash=sha256:{'0' * 64}"
FILES: dict[str, str | None] = {
    **OWN_CUDA,
    "releases/2026a.toml": OWN_CUDA["releases/2026a.toml"] + CPU,
    "bundles/2-torch/py311/requirements-editor.txt": "click==8.1.8\n",
    "bundles/2-torch/display.cpu.txt": "Torch for the CPU\n",
    "bundles/2-torch/py311-cpu/requirements.txt": "torch==2.14.1+cpu --hash=z\n",
    "bundles/2-torch/py311-cpu/requirements-editor.txt": "click==8.1.8\n",
}


@pytest.mark.parametrize(
    ("folder", "python", "lists"),
    [
        ("py311", "3.11", ""),
        ("py311-cpu", "3.11", "cpu"),
        ("py39-rocm6.4", "3.9", "rocm6.4"),
        ("py311-", None, ""),
        ("py311--", None, ""),
        ("py311-a/b", None, ""),
        ("py3-cpu", None, ""),
        ("cpu-py311", None, ""),
    ],
)
def test_which_folders_have_lists(folder: str, python: str | None, lists: str) -> None:
    assert (python_of_lists(folder), lists_of_folder(folder)) == (python, lists)
    if python:
        assert list_folder(python, lists) == folder


def test_a_base_takes_the_lists_that_its_table_names(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, FILES)))
    recipe = attempt(catalogue, selection(base="cpu", bundle="torch"))[0]
    assert recipe is not None
    assert str(recipe.tag) == "cpu-editor-torch-c9s-py311_2026a_20261122"
    assert "FROM localhost/workbench-images:base-c9s-py311_2026a_20261122\n" in recipe.containerfile
    lists = {path: file.origin for path, file in recipe.files.items() if path.startswith("requirements")}
    assert lists == {name: f"bundles/2-torch/py311-cpu/{name}" for name in lists}
    assert recipe.files["requirements.txt"].data == b"torch==2.14.1+cpu --hash=z\n"
    labels = {
        base: choices_of("bundle", catalogue, {**ANSWERS, "base": base, "bundle": "", "ide": ""})[1].title
        for base in ("cpu", "cuda", "quay.io/acme/base:1")
    }
    assert {base: label.split(maxsplit=1)[1] for base, label in labels.items()} == {
        "cpu": "Torch for the CPU", "cuda": "Torch", "quay.io/acme/base:1": "Torch",
    }  # fmt: skip
    plain = attempt(catalogue, selection(base="cuda-thin", bundle="torch"))[0]
    assert plain is not None
    assert plain.files["requirements.txt"].origin == "bundles/2-torch/py311/requirements.txt"


def test_what_has_no_such_lists_is_not_offered_on_that_base(tmp_path: Path) -> None:
    files = {**FILES, "bundles/3-any/display.txt": "Any\n", "bundles/3-any/selection-override": ""}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    possible = [chosen for chosen in combinations(catalogue, "latest") if attempt(catalogue, chosen)[0]]
    on_cpu = {(chosen.python, chosen.bundle) for chosen in possible if chosen.base == "cpu"}
    assert on_cpu == {("3.11", "torch")}
    assert {chosen.bundle for chosen in possible if chosen.base == "standard"} == {"plain", "torch", "any"}
    for bundle in ("plain", "any"):
        chosen = {"release": "2026a", "base": "cpu", "os": "c9s", "python": "3.11", "bundle": bundle}
        why = f"bundle {bundle} has no packages for Python 3.11 on the base cpu (no folder py311-cpu)"
        assert list(reasons(catalogue, chosen)) == [why]


def test_lists_that_wait_for_an_index_are_no_fault_and_name_its_variable(tmp_path: Path) -> None:
    waiting = {f"bundles/2-torch/py311-cpu/{name}": None for name in ("requirements.txt", "requirements-editor.txt")}
    files = {**FILES, **waiting, "bundles/2-torch/py311-cpu/Pipfile": WITH_INDEX}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    recipe, why = attempt(catalogue, selection(base="cpu", bundle="torch"))
    assert recipe is None
    assert why.startswith(
        "bundle torch has no packages for Python 3.11 on the base cpu: py311-cpu has no requirements.txt: "
        "set MORE_INDEX_URL, and run "
    )
    assert check_catalogue(catalogue, with_lint=False)[1] == []
    assert attempt(catalogue, selection(base="cuda-thin", bundle="torch"))[0]
    # A folder that nothing can be locked from waits for nobody.
    empty = {**FILES, **waiting, "bundles/2-torch/py311-cpu/notes.txt": ""}
    faults = open_catalogue(str(make_catalogue(tmp_path, empty))).faults
    assert faults == (("bundles/2-torch/py311-cpu", "has no requirements.txt: add it or remove the folder"),)


def test_the_name_of_lists_is_checked(tmp_path: Path) -> None:
    files = {"releases/2026a.toml": RELEASE + CPU.replace('lists = "cpu"', 'lists = "c/u"')}
    with pytest.raises(FaultsError) as raised:
        read_catalogue(str(make_catalogue(tmp_path, files)))
    ((where, message),) = raised.value.faults
    assert where.startswith("releases/2026a.toml:") and "'c/u' cannot be part of a folder's name" in message


def test_what_is_shown_of_them(tmp_path: Path) -> None:
    pipfile = "[packages]\nalpha = '*'\n"
    files = {
        **FILES,
        "bundles/2-torch/py311/Pipfile": "[packages]\ntorch = '*'\nnvidia-cuda-runtime = '*'\n",
        "bundles/2-torch/py311-cpu/Pipfile": pipfile,
        "bundles/2-torch/py311-cpu/requirements.txt": f"alpha==1 {HASH}\nbeta==1 {HASH}\ntorch==2+cpu {HASH}\n",
        "bundles/python_packages.snippet": "COPY requirements.txt ./\nRUN pip install -r requirements.txt\n",
    }
    folder = make_catalogue(tmp_path, files)
    rows = json.loads(wizard("list", "bundles", "--catalog", folder, "--json").stdout)["bundles"]
    assert [(row["name"], row["pythons"], row["lists"]) for row in rows] == [
        ("plain", ["3.11", "3.12"], []),
        ("torch", ["3.11"], ["cpu"]),
    ]
    catalogue = read_catalogue(str(folder))
    recipe = attempt(catalogue, selection(base="cpu", bundle="torch"))[0]
    assert recipe is not None
    written = write(recipe, str(tmp_path / "out"))
    shown = describe(catalogue, written.folder)
    assert shown.title == "Torch for the CPU (Editor, Python 3.11)"
    # What both Pipfiles name, as far as it is in the lists.
    assert shown.packages == (("alpha", "1"), ("torch", "2+cpu"))


def test_a_release_keeps_them_and_has_them_for_itself(tmp_path: Path) -> None:
    pipfile = "[packages]\nalpha = '*'\n"
    locked = Index().lock(pipfile, {"packages": {"alpha": "1.0.0"}})
    files: dict[str, str | None] = {
        f"bundles/2-torch/{folder}/{name}": text
        for folder in ("py311", "py311-cpu", "py310-cpu")
        for name, text in locked.items()
    }
    # The plain Pipfile is the one below: together they are the text that was locked.
    files |= {f"bundles/2-torch/{folder}/Pipfile": "[packages]\n" for folder in ("py311-cpu", "py310-cpu")}
    files |= {"bundles/2-torch/display.txt": "T\n", "bundles/2-torch/display.cpu.txt": "C\n"}
    files |= {"releases/2026a.toml": RELEASE + CPU}
    files |= {f"bundles/2-torch/{python}/requirements-editor.txt": None for python in ("py311", "py311-cpu")}
    files["bundles/2-torch/py310/Pipfile"] = SOURCE + pipfile
    files["bundles/2-torch/py310/requirements.txt"] = "alpha==1.0.0 --hash=x\n"
    folder = make_catalogue(tmp_path, files)
    freeze(read_catalogue(str(folder)), "2026a", None)
    own = folder / "releases/2026a/bundles/2-torch"
    # Of Python 3.10, which the release has not, nothing.
    assert sorted(path.name for path in own.iterdir()) == ["display.cpu.txt", "display.txt", "py311", "py311-cpu"]
    assert faults_of(folder) == []
    assert (folder / "releases/2026a/promises/bundles/2-torch/py311-cpu.txt").read_text() == "alpha==1.0.0\n"
    assert is_lock("bundles/2-torch/py311-cpu/Pipfile.lock") and is_lock("bundles/2-torch/display.cpu.txt")
    # The catalogue's lists are none of the release's.
    (folder / "bundles/2-torch/py311-cpu/requirements.txt").write_text("alpha==9\n")
    view = at_release(read_catalogue(str(folder)), "2026a")
    recipe = attempt(view, selection(base="cpu", bundle="torch", ide="runtime"))[0]
    assert recipe is not None
    assert recipe.files["requirements.txt"].data.startswith(b"alpha==1.0.0 ")
