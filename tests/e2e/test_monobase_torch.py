"""One environment of the released generations with PyTorch and its CUDA, from the package index: gigabytes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.wheels import MINOR, python_flag
from workbench.monobase.generation import load_all
from workbench.monobase.prefix import Prefix
from workbench.monobase.status import status
from workbench.monobase.verify import verify

CODE = """
import torch
print(torch.__version__.partition("+")[0], torch.version.cuda, (torch.ones(3, 3) @ torch.ones(3, 3)).sum().item())
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_torch_runs_on_the_cpu_and_the_next_generation_costs_next_to_nothing(tmp_path: Path) -> None:
    first, second = load_all()[:2]
    (chosen, *_) = [one for one in first.environments if one.torch and one.python == MINOR]
    variables = {"R8_PYTHON_VERSION": MINOR, "R8_TORCH_VERSION": chosen.torch, "R8_CUDA_VERSION": chosen.cuda}
    prefix = tmp_path / "prefix"
    for generation in (first, second):
        span = ("--min-gen-id", generation.id, "--max-gen-id", generation.id)
        done = wizard("monobase", "build", "--prefix", prefix, "--mini", python_flag(), *span, env=variables)
        assert done.returncode == 0, done.stderr
        python = prefix / "monobase" / generation.name / chosen.name / "bin/python"
        plain = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
        ran = subprocess.run([python, "-c", CODE], capture_output=True, text=True, env=plain, check=False)
        assert ran.stdout.split() == [chosen.torch, chosen.cuda, "27.0"], ran.stderr
    statuses = status(Prefix.at(str(prefix)))
    assert statuses[1].own < statuses[1].apparent / 50
    print({one.name: (one.apparent // 2**20, one.own // 2**20) for one in statuses}, "MiB by itself and of its own")
    assert verify(Prefix.at(str(prefix)), quick=True).is_whole
