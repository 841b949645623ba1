"""A model that names torch and nothing else: CUDA and cuDNN come from the table, and what is built agrees with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import wizard
from tests.e2e.test_frameworks import cudnn_number
from tests.e2e.test_model import build, predict, serving
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# What pip fetches, unpacks and podman packs again.
NEEDS = 30 * 10**9
COG = "build:\n  gpu: true\n  python_version: '3.11'\n  python_packages: [torch]\npredict: predict.py:Predictor\n"
PREDICT = """\
import torch
from cog import BasePredictor

class Predictor(BasePredictor):
    def setup(self) -> None:
        self.weight = torch.eye(3)

    def predict(self, count: int) -> str:
        total = (torch.arange(float(count * 3)).reshape(count, 3) @ self.weight).sum().item()
        return f"{total} {torch.__version__} {torch.version.cuda} {torch.backends.cudnn.version()}"
"""


def test_torch_gets_the_cuda_that_goes_with_it(store: Engine, base: BaseChoice, tmp_path: Path) -> None:
    free = shutil.disk_usage(store.folder).free
    if free < NEEDS:
        pytest.skip(f"torch needs {NEEDS} bytes of disk, and {NEEDS - free} of them are missing in {store.folder}")
    logs = ("--log-dir", tmp_path / "logs")
    thin = wizard("cuda", *base.flags(), "--layers=base", *ca_bundle(), *logs, env=store.env)
    assert thin.returncode == 0, thin.stderr
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "cog.yaml").write_text(COG)
    (folder / "predict.py").write_text(PREDICT)
    built = build(dict(store.env), folder, "models/torch", base)
    try:
        # The packages bring CUDA, so that the base has none but the variables for the driver.
        assert built["model"]["on"]["image"] == thin.stdout.split()[-1]
        resolved = built["model"]["resolved"]
        with serving(store, built["image"]) as address:
            status, response = predict(address, {"count": 2})
        total, version, cuda, cudnn = response["output"].split()
        assert (status, total) == (200, "15.0")
        assert version.partition("+")[0] == resolved["frameworks"]["torch"]
        assert cuda == ".".join(resolved["cuda"].split(".")[:2])
        assert int(cudnn) == cudnn_number(resolved["cudnn"])
    finally:
        store("rmi", "--force", built["image"])
