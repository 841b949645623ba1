"""Our own releases: two live ones, composed side by side from one checkout."""

from __future__ import annotations

import json
import re

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.diagnosis import GpuMachine, diagnose
from workbench.compose.possible import compose_checked
from workbench.lock.pipenv import LOCK
from workbench.release.check import check
from workbench.release.folder import frozen_paths

OLD, NEW = "2025b", "2026a"
BUNDLES = {"minimal", "datascience", "pytorch", "tensorflow", "langchain", "optapy", "r", "spark"}
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]+])?==([^ ;]+).* --hash=sha256:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


def pins(ours: Catalogue, release: str, bundle: str, os: str = "bookworm", python: str = "3.11") -> dict[str, str]:
    chosen = Selection(release, "20261122", "standard", os, python, bundle, "jupyter")
    recipe = compose_checked(ours, chosen)
    lists = (recipe.files[name].data.decode() for name in ("requirements.txt", "requirements-jupyter.txt"))
    return {match[1]: match[2] for text in lists for line in text.splitlines() if (match := PIN.match(line))}


@pytest.mark.parametrize("release", [OLD, NEW])
def test_it_keeps_its_promise(ours: Catalogue, release: str) -> None:
    done = check(ours, release, ours.releases[release].since or "2026-11-22")
    assert done.faults == ()
    assert done.locks >= 16
    assert set(at_release(ours, release).bundles) >= BUNDLES


def test_the_one_before_is_frozen_and_the_newest_is_open(ours: Catalogue) -> None:
    assert list(ours.releases)[:2] == [NEW, OLD]
    assert [ours.releases[name].state for name in (NEW, OLD)] == ["open", "frozen"]
    assert [ours.releases[name].cuda["version"] for name in (NEW, OLD)] == ["13.0.2", "12.9.1"]


def test_each_composes_with_its_own_locks(ours: Catalogue) -> None:
    for bundle in at_release(ours, OLD).bundles:
        old, new = pins(ours, OLD, bundle), pins(ours, NEW, bundle)
        assert old["jupyterlab"].startswith("4.5.")
        # Elyra from Open Data Hub, which brings no LangChain with it.
        assert new["jupyterlab"].startswith("4.5.")
        assert "odh-elyra" in new and not {"elyra", "jupyter-ai"} & new.keys()
    assert [pins(ours, release, "pytorch")["torch"] for release in (OLD, NEW)] == ["2.10.0", "2.14.1"]
    assert [pins(ours, release, "tensorflow")["tensorflow"] for release in (OLD, NEW)] == ["2.20.0", "2.21.0"]


def test_torch_brings_the_cuda_of_the_table(ours: Catalogue) -> None:
    found = diagnose(ours, OLD, "pytorch", "3.12", GpuMachine(driver="535.104.05"))
    assert [finding for finding in found if finding.state == "wrong"] == []
    assert "the bundle's own CUDA 12.8.90" in {finding.about for finding in found}
    newest = diagnose(ours, NEW, "pytorch", "3.12", GpuMachine(driver="535.104.05"))
    assert newest[0].state == "wrong"


def test_what_only_one_of_them_can_do_is_reported(ours: Catalogue) -> None:
    answers = {"base": "cuda", "bundle": "tensorflow", "os": "bookworm", "python": "3.11"}
    assert list(reasons(at_release(ours, OLD), {"release": OLD, **answers})) == []
    assert list(reasons(ours, {"release": NEW, "base": "cuda", "bundle": "tensorflow"})) == [
        "bundle tensorflow does not go on a CUDA base: TensorFlow has no build for CUDA 13"
    ]
    assert list(reasons(ours, {"release": OLD, "base": "cuda-devel", "os": "bookworm"})) == [
        "CUDA 12.9.1 has no nvcc in the packages that bookworm (debian) takes it from"
    ]
    assert list(reasons(ours, {"release": OLD, "base": "cuda-devel", "os": "c9s"})) == []


def test_every_lock_of_the_one_before_is_hashed_and_names_no_index(ours: Catalogue) -> None:
    view = at_release(ours, OLD)
    release = view.releases[OLD]
    locks = [path for path in frozen_paths(view.tree, release) if path.endswith(f"/{LOCK}")]
    for path in locks:
        folder = path.rpartition("/")[0]
        python = folder.rpartition("/py3")[2]
        sources = json.loads(view.tree.text(path))["_meta"]["sources"]
        assert [source["url"] for source in sources] == ["${PIP_INDEX_URL}"]
        for name in view.tree.folder(folder)[1]:
            for line in view.tree.text(f"{folder}/{name}").splitlines() if name.startswith("requirements") else ():
                assert PIN.match(line), line
                # pip in an image with an older z would leave such a package out, and then miss it.
                assert not re.search(rf"python_full_version >=? '3\.{python}\.[1-9]", line), line
