"""A catalogue made for the original works: moved to the top, unchanged, with a release file that is made for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from tests.engine import TINY, Engine
from tests.originals import make_original
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, combinations
from workbench.images.base import base_request
from workbench.images.cuda.layers import layer_requests

CHOICE = ("--release=2023c", "--date=20230922", "--os=c9s", "--python=3.11")


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """The catalogue, with the release file that `release new` makes."""
    folder = make_original(tmp_path / "original")
    done = wizard("release", "new", "2023c", f"--os=c9s={TINY}", "--today=2026-12-01", "--catalog", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_is_checked_and_linted_and_unchecked_downloads_are_named(original: Path) -> None:
    done = wizard("check", "--catalog", original)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 bundles, 4 ides, ")
    notes = done.stderr
    assert "ides/3-rstudio/rstudio.snippet: rpm takes https://example.com/spawn-fcgi-1.6.3-23.fc37.x86_64.rpm" in notes
    assert (
        "bundles/9-spark/builder/builder.snippet: ADD https://example.com/guava-${GUAVA}.jar has no checksum" in notes
    )
    assert ": DL" in notes, "hadolint ran"


def test_pairs_that_cannot_work_are_refused(original: Path) -> None:
    catalogue = read_catalogue(str(original))
    possible = {
        (selection.ide, selection.bundle)
        for selection in combinations(catalogue, "latest")
        if selection.base == "standard" and selection.python == "3.11" and attempt(catalogue, selection)[0]
    }
    assert possible == {
        *(("jupyter", bundle) for bundle in ("minimal", "spark")),
        ("rstudio", "r"),
        ("langflow", "langflow"),
        *(("runtime", bundle) for bundle in ("minimal", "langflow", "r", "spark")),
    }
    (original / "ides/4-langflow/ide.toml").write_text("")
    again = read_catalogue(str(original))
    rules = {ide: again.ides[ide].rules.partners for ide in ("langflow", "rstudio")}
    assert rules == {"langflow": None, "rstudio": None}, "a file of its own takes the row's place"


def test_an_empty_list_of_packages_is_taken(original: Path, tmp_path: Path) -> None:
    answers = ("--defaults", "--offline", "--date=20230922", "--ide=runtime", "--bundle=minimal")
    done = wizard("new", *answers, "--out", tmp_path / "out", "--catalog", original)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/runtime-minimal-c9s-py311_2023c_20230922/requirements.txt").read_bytes() == b""


def test_its_base_and_cuda_layers_are_described(original: Path) -> None:
    catalogue = read_catalogue(str(original))
    choice = ("2023c", "c9s", "3.9", "20230922")
    base = base_request(catalogue, *choice, root=TINY)
    assert base.arguments["PYTHON_VERSION_NUMBER"] == "3.9"
    layers = layer_requests(catalogue, *choice)
    assert list(layers) == ["base", "runtime", "runtime-cudnn", "devel", "devel-cudnn"]
    assert layers["base"].folder == str(original / "cuda-layer/base"), "where cuda.repo-x86_64 is"
    assert "CUDNN=8" in layers["runtime-cudnn"].text


@pytest.mark.thorough
def test_its_base_and_cuda_images_are_built(original: Path, engine: Engine) -> None:
    """With podman, on the tiny image in the place of sclorg's."""
    done = wizard("base", *CHOICE, "--catalog", original, "--json")
    assert done.returncode == 0, done.stderr
    name = json.loads(done.stdout)["names"][0]
    try:
        assert (
            engine("run", "--rm", name, "sh", "-c", "cat /python-3.11; echo $MADE")
            == "pip==23.2.1\n3.11_2023c_20230922"
        )
        done = wizard("cuda", *CHOICE, "--layers=runtime-cudnn", "--catalog", original)
        assert done.returncode == 0, done.stderr
        layer = done.stdout.split()[-1]
        assert (
            engine("run", "--rm", layer, "sh", "-c", "cat /etc/cuda.repo; echo $CUDA_VERSION $CUDNN")
            == "[cuda]\n11.8.0 8"
        )
    finally:
        for image in engine.names():
            if "_2023c_" in image:
                engine("untag", image, image)
