"""The CUDA images of the release before, from NVIDIA's wheels of CUDA 12: built and validated, as the newest are."""

from __future__ import annotations

import json

import pytest

from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = pytest.mark.slow

BEFORE = BaseChoice(release="2025b")
LAYERS = "base,runtime,runtime-cudnn"


def test_the_release_before_has_its_cuda(
    store: Engine, root_image: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    for verb in (("base",), ("cuda", "--layers", LAYERS)):
        done = wizard(*verb, *BEFORE.flags(), *ca_bundle(), "--log-dir", logs, env=store.env)
        assert done.returncode == 0, done.stderr
    done = wizard("validate", *BEFORE.flags(), "--layers", LAYERS, "--json", env=store.env)
    assert done.returncode == 0, done.stdout + done.stderr
    results = {check["check"]: check["seen"] for check in json.loads(done.stdout)[-1]["checks"]}
    assert results["as 12345:0: libcublas"] == "libcublas.so.12"
    assert results["as 12345:0: version of cudnn"] == "9.14.0"


def test_it_has_no_compiler_and_reports_why(store: Engine, root_image: str) -> None:
    done = wizard("cuda", *BEFORE.flags(), "--layers", "devel", env=store.env)
    assert done.returncode == 1
    assert "has no nvcc" in done.stderr
