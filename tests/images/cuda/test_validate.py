from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import Engine
from tests.images.cuda.test_layers import without_cuda
from tests.images.test_base import BASE, FLAGS
from tests.images.test_validate import SOUND
from workbench.images.cuda.probe import loads, number
from workbench.images.cuda.validate import read_cuda_report
from workbench.images.validate import Check

PINS = {"version": "13.0.2", "cudnn": "9.14.0.64", "nccl": "2.29.2"}
BASE_IMAGE = "localhost/workbench-images:base-bookworm-py311_2026a_20261122"
THIN = "localhost/workbench-images:cuda-bookworm-py311-base_2026a_20261122"


def report(**versions: str) -> str:
    return json.dumps({"libraries": {"cudart": "libcudart.so.13"}, "versions": versions})


def test_what_the_release_lists_holds() -> None:
    text = report(cudart="13.0", nccl="2.29.2", cudnn="9.14.0", nvcc="13.0")
    checks = read_cuda_report(text, "1001", PINS)
    assert checks == [
        Check("as 1001: libcudart", True, "libcudart.so.13"),
        Check("as 1001: version of cudart", True, "13.0"),
        Check("as 1001: version of nccl", True, "2.29.2"),
        Check("as 1001: version of cudnn", True, "9.14.0"),
        Check("as 1001: version of nvcc", True, "13.0"),
    ]


@pytest.mark.parametrize(
    ("name", "observed", "wanted"),
    [("cudart", "13.1", "13.0"), ("nccl", "2.29.3", "2.29.2"), ("cudnn", "9.13.1", "9.14.0"), ("nvcc", "", "13.0")],
)
def test_another_version_is_a_failure(name: str, observed: str, wanted: str) -> None:
    *_, check = read_cuda_report(report(**{name: observed}), "1001", PINS)
    assert check == Check(f"as 1001: version of {name}", False, f"{observed or 'nothing'}, expected {wanted}")


def test_a_library_that_does_not_load_is_a_failure() -> None:
    text = json.dumps({"libraries": {"cublas": "does not load: no"}, "versions": {}})
    assert read_cuda_report(text, "1001", PINS) == [Check("as 1001: libcublas", False, "does not load: no")]


def test_the_questions_find_and_load_a_library_of_this_machine() -> None:
    assert loads("c") == "libc.so.6"
    assert loads("no_such_thing") == "not in the loader's cache"
    assert number("c", "getpagesize", by_pointer=False) in (4096, 16384, 65536)


@pytest.fixture
def clean(engine: Engine) -> Iterator[Engine]:
    """The engine without a CUDA image, before and after."""
    without_cuda(engine)
    yield engine
    without_cuda(engine)


@pytest.mark.thorough
def test_the_verb_looks_at_the_layers_that_are_there(clean: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, BASE)
    clean("build", "--tag", BASE_IMAGE, "-", stdin=SOUND.encode())
    context = tmp_path / "context"
    context.mkdir()
    (context / "report").write_text(report(cudart="13.0"))
    text = SOUND.replace('case "$2" in', 'case "$2" in *ctypes*) cat /report;;')
    text = text.replace("USER 1001", "COPY report /\nENV CUDA_VERSION=13.0.2 CUDA_HOME=/opt/cuda\nUSER 1001")
    (context / "Containerfile").write_text(text)
    clean("build", "--tag", THIN, str(context))
    done = wizard("validate", "--catalog", folder, *FLAGS, "--json")
    assert done.returncode == 1, done.stderr
    base, layer = json.loads(done.stdout)
    assert (base["image"], base["ok"]) == (BASE_IMAGE, True)
    assert (layer["image"], layer["ok"]) == (THIN, False)
    checks = {check["check"]: check["seen"] for check in layer["checks"]}
    assert checks["as 12345:0: version of cudart"] == "13.0"
    assert {check["check"]: check["seen"] for check in layer["checks"] if not check["ok"]} == {
        "CUDA_HOME of the image": "/opt/cuda, expected /usr/local/cuda",
        "NVIDIA_VISIBLE_DEVICES of the image": "nothing, expected all",
        "NVIDIA_DRIVER_CAPABILITIES of the image": "nothing, expected compute,utility",
    }
    done = wizard("validate", "--catalog", folder, *FLAGS, "--layers=devel")
    assert done.returncode == 1
    assert "is not on this machine" in done.stderr
    assert "--layers devel`" in done.stderr
