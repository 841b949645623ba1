"""As a new user with a CUDA bundle does it: one command, from nothing in podman to a notebook that loads cuDNN."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser import need_chromium
from tests.command import wizard
from tests.e2e.test_workbench import cell_of
from tests.engine import Engine, ca_bundle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

_LOAD = "import ctypes; print(ctypes.CDLL('libcudnn.so.9').cudnnGetVersion())"


def test_from_nothing_over_the_cuda_layers_to_a_notebook(nothing: Engine, tmp_path: Path) -> None:
    browser = need_chromium()
    flags = ["--base=cuda", "--bundle=minimal", "--ide=jupyter", "--out", tmp_path / "recipes"]
    up = ("up", *flags, *ca_bundle(), "--log-dir", tmp_path / "logs", "--no-browser", "--json")
    planned = wizard(*up, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    kinds = ["root image", "base image", *["CUDA layer"] * 3, "recipe", "image", "workbench"]
    assert [step["step"] for step in json.loads(planned.stdout)] == kinds
    done = wizard(*up, "--yes")
    logs = "".join(log.read_text()[-4000:] for log in (tmp_path / "logs").glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    report = json.loads(done.stdout)
    print([(step["name"].rpartition(":")[2], step["took"]) for step in report["steps"]])
    assert [step["step"] for step in report["steps"]] == kinds
    workbench = report["workbench"]
    assert cell_of(browser, workbench["address"], tmp_path / "cuda.png") == "42"
    # As the kernel's own user; a driver is the host's, and needed by nothing here.
    assert nothing("exec", workbench["container"], "python", "-c", _LOAD) == "91400"
    # Again: everything is there, up to the layers that another recipe would stand on.
    again = wizard(*up)
    assert again.returncode == 0, again.stderr
    assert [step["step"] for step in json.loads(again.stdout)["steps"]] == ["workbench"]
    assert json.loads(again.stdout)["workbench"]["address"] == workbench["address"]
    assert wizard("stop", "--delete-files", workbench["name"]).returncode == 0
