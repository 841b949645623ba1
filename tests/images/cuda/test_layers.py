from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from tests.command import wizard
from tests.engine import TINY, Engine
from tests.images.test_base import BASE, FLAGS
from workbench.catalog.cuda_layers import LAYERS, layer_folder
from workbench.catalog.reader import read_catalogue
from workbench.errors import UsageError, WorkbenchError
from workbench.images.cuda.layers import layer_requests

WHERE = ("2026a", "bookworm", "3.11", "20261122")
STANDARD = "localhost/workbench-images:base-bookworm-py311_2026a_20261122"
CUDA = "localhost/workbench-images:cuda-bookworm-py311-{}_2026a_20261122"


def layer_files(layer: str, step: str = "true") -> dict[str, str]:
    """A layer that notes its name in the image, and then does `step`."""
    text = (
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG CUDA_VERSION\nARG PACKAGES\n"
        f"COPY note.sh list-${{CUDA_VERSION}} /tmp/\nRUN /tmp/note.sh {layer} $PACKAGES && {step}\n"
    )
    return {f"{layer_folder(layer)}/Containerfile": text}


def files() -> dict[str, str]:
    found = {path: text for layer in LAYERS for path, text in layer_files(layer).items()}
    release = RELEASE.replace("[os.c9s]", '[cuda.rpms]\nruntime = ["one-1", "two-2"]\n\n[os.c9s]')
    notes = {"cuda-layer/note.sh": '#!/bin/sh\necho "$@" >>/layers\n', "cuda-layer/list-13.0.2": "list\n"}
    return {**BASE, **found, **notes, "releases/2026a.toml": release}


@pytest.fixture
def chain(engine: Engine) -> Iterator[Engine]:
    """The engine with a standard base and no layer on it; none is left for other tests to meet."""
    without_cuda(engine)
    engine("tag", TINY, STANDARD)
    yield engine
    without_cuda(engine)
    engine("untag", STANDARD, STANDARD)


def without_cuda(engine: Engine) -> None:
    """Take the names of CUDA images away."""
    for name in engine.names():
        if ":cuda-" in name:
            engine("untag", name, name)


def cuda(folder: Path, tmp_path: Path, *flags: str) -> dict[str, str]:
    """Run `cuda --json`, and return what became of each layer."""
    done = wizard("cuda", "--catalog", folder, *FLAGS, "--log-dir", tmp_path / "logs", "--json", *flags)
    rows = json.loads(done.stdout)
    assert done.returncode == (0 if {row["status"] for row in rows} <= {"built", "up to date"} else 1), done.stderr
    return {row["layer"]: row["status"] for row in rows}


def test_the_chain_and_its_names(chain: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, files())
    done = wizard("cuda", "--catalog", folder, *FLAGS, "--log-dir", tmp_path / "logs")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [CUDA.format(layer) for layer in LAYERS]
    printed = [line.partition(": ")[0] for line in done.stderr.splitlines()]
    assert set(printed) == {"builder", *LAYERS}
    below = "base\nruntime one-1 two-2"
    assert chain("run", "--rm", CUDA.format("runtime-cudnn"), "cat", "/layers") == f"{below}\nruntime-cudnn"
    assert chain("run", "--rm", CUDA.format("devel-cudnn"), "cat", "/layers") == f"{below}\ndevel\ndevel-cudnn"
    names = chain.names()
    for tag in ("cuda-base-bookworm-py311_2026a_20261122", "cuda-base-bookworm-py311_2026a_latest"):
        assert f"localhost/workbench-images:{tag}" in names
        ids = chain("image", "inspect", "--format", "{{.Id}}", f"localhost/workbench-images:{tag}")
        assert ids == chain("image", "inspect", "--format", "{{.Id}}", CUDA.format("runtime-cudnn"))


@pytest.mark.thorough
def test_it_resumes_from_what_is_there(chain: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, files())
    assert cuda(folder, tmp_path, "--layers=runtime") == {"base": "built", "runtime": "built"}
    assert cuda(folder, tmp_path, "--layers", "devel runtime-cudnn") == {
        **{"base": "up to date", "runtime": "up to date"},
        **{"runtime-cudnn": "built", "devel": "built"},
    }
    # What a layer is made from changed: it, and what stands on it.
    (folder / "cuda-layer/devel/Containerfile").write_text(
        layer_files("devel", "echo more")["cuda-layer/devel/Containerfile"]
    )
    rest = {"base": "up to date", "runtime": "up to date", "runtime-cudnn": "up to date"}
    assert cuda(folder, tmp_path) == {**rest, "devel": "built", "devel-cudnn": "built"}
    assert cuda(folder, tmp_path) == {**rest, "devel": "up to date", "devel-cudnn": "up to date"}
    # Another base under the same name.
    chain("build", "--tag", STANDARD, "-", stdin=f"FROM {TINY}\nRUN touch /other\n".encode())
    assert cuda(folder, tmp_path) == dict.fromkeys(LAYERS, "built")


@pytest.mark.thorough
def test_a_failure_names_the_layer_and_stops_what_stands_on_it(chain: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {**files(), **layer_files("devel", "exit 7")})
    done = wizard("cuda", "--catalog", folder, *FLAGS, "--log-dir", tmp_path / "logs")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [CUDA.format(layer) for layer in ("base", "runtime", "runtime-cudnn")]
    assert (
        "error: 2 of 5 CUDA layers are not up to date\n  devel: failed: building cuda-bookworm-py311-devel"
        in done.stderr
    )
    assert "failed with exit code 7 in step" in done.stderr
    assert "  devel-cudnn: not begun: devel failed\n" in done.stderr
    assert CUDA.format("devel") not in chain.names()
    (folder / "cuda-layer/devel/Containerfile").write_text(layer_files("devel")["cuda-layer/devel/Containerfile"])
    rest = {"base": "up to date", "runtime": "up to date", "runtime-cudnn": "up to date"}
    assert cuda(folder, tmp_path) == {**rest, "devel": "built", "devel-cudnn": "built"}


def test_without_the_base_below_the_error_names_how_to_make_it(engine: Engine, tmp_path: Path) -> None:
    engine.try_("untag", STANDARD, STANDARD)
    done = wizard("cuda", "--catalog", make_catalogue(tmp_path, files()), *FLAGS, "--log-dir", tmp_path / "logs")
    assert done.returncode == 1
    assert " base --os bookworm --python 3.11 --release 2026a --date 20261122`" in done.stderr
    assert done.stderr.count("not begun: base failed") == 4


def test_layers_without_a_compiler_are_refused_and_left_out(tmp_path: Path) -> None:
    release = files()["releases/2026a.toml"].replace('"13.0.2"', '"13.0.2"\nnvcc = ["rhel"]')
    folder = make_catalogue(tmp_path, {**files(), "releases/2026a.toml": release})
    catalogue = read_catalogue(str(folder))
    assert list(layer_requests(catalogue, *WHERE)) == ["base", "runtime", "runtime-cudnn"]
    with pytest.raises(WorkbenchError, match=r"CUDA 13\.0\.2 has no nvcc in the packages that bookworm"):
        layer_requests(catalogue, *WHERE, ["devel"])


@pytest.mark.parametrize(
    ("change", "layers", "message"),
    [
        ({"releases/2026a.toml": RELEASE.replace("version = ", "other = ")}, [], "release 2026a pins no CUDA"),
        ({}, ["cudnn"], "no CUDA layer is named 'cudnn'"),
        ({"cuda-layer/devel/Containerfile": None}, [], "the CUDA layer devel has no Containerfile for bookworm"),
        ({"cuda-layer/list-13.0.2": None}, [], "cuda-layer/base/Containerfile copies this file, which does not exist"),
    ],
)
def test_what_cannot_be_built(tmp_path: Path, change: dict[str, str | None], layers: list[str], message: str) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**files(), **change})))
    with pytest.raises(WorkbenchError) as error:
        layer_requests(catalogue, *WHERE, layers)
    assert error.value.message == message


def test_a_python_that_the_system_lacks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no Python 3\.13 on bookworm"):
        layer_requests(read_catalogue(str(make_catalogue(tmp_path, files()))), "2026a", "bookworm", "3.13", "20261122")


def test_the_requests_of_our_own_release_for_a_system_with_rpms() -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    requests = layer_requests(catalogue, "2026a", "c9s", "3.12", "20261122")
    assert list(requests) == list(LAYERS)
    base, cudnn = requests["base"], requests["devel-cudnn"]
    assert base.arguments == {
        "CUDA_VERSION": "13.0.2",
        "CUDA_REQUIRE": "cuda>=13.0",
        "PACKAGES": "cuda-cudart-13-0-13.0.96-1 cuda-compat-13-0",
        "BASE_IMAGE": "localhost/workbench-images:base-c9s-py312_2026a_20261122",
    }
    assert cudnn.arguments == {
        "PACKAGES": "libcudnn9-cuda-13-9.14.0.64-1 libcudnn9-devel-cuda-13-9.14.0.64-1",
        "BASE_IMAGE": "localhost/workbench-images:cuda-c9s-py312-devel_2026a_20261122",
    }
    assert cudnn.folder == str(REPOSITORY / "cuda-layer")
