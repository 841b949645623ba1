from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.command import wizard
from workbench.errors import WorkbenchError
from workbench.verbs import doctor


def with_smi(tmp_path: Path, script: str) -> dict[str, str]:
    """A machine whose nvidia-smi says what `script` prints: a GPU machine is not always at hand."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_what_a_bundle_needs() -> None:
    done = wizard("doctor", "--bundle", "datascience", "--driver", "590.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("bundle datascience, Python 3.11, release 2026a; driver 590.1\n\n")
    assert "needs driver 580.65.06 or newer; this machine has 590.1\n" in done.stdout


@pytest.mark.parametrize(("driver", "code"), [("590.48", 0), ("470.199.02", 1)])
def test_the_driver_of_a_gpu_machine(tmp_path: Path, driver: str, code: int) -> None:
    env = with_smi(tmp_path, f"echo '{driver}, 9.0'; echo '{driver}, 8.0'")
    done = wizard("doctor", "--bundle", "minimal", "--json", env=env)
    report = json.loads(done.stdout)
    assert done.returncode == code
    assert report["machine"] == {"driver": driver, "capability": "8.0"}
    assert report["works"] is (code == 0)


def test_an_old_gpu(tmp_path: Path) -> None:
    done = wizard("doctor", "--bundle", "minimal", env=with_smi(tmp_path, "echo '590.48, 7.0'"))
    assert done.returncode == 1
    assert "compute capability 7.5 or newer, and here is one of 7.0" in done.stdout


def test_a_broken_driver_is_reported(tmp_path: Path) -> None:
    script = 'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9'
    done = wizard("doctor", "--bundle", "minimal", env=with_smi(tmp_path, script))
    assert done.returncode == 1
    assert "nvidia-smi failed: NVIDIA-SMI has failed" in done.stderr


def test_what_a_gpu_machine_learns_of_a_bundle_that_brings_its_own_cuda(tmp_path: Path) -> None:
    done = wizard("doctor", "--bundle", "pytorch", "--python", "3.11", env=with_smi(tmp_path, "echo '570.124.06, 9.0'"))
    assert done.returncode == 1
    head, _, *rows = done.stdout.splitlines()
    assert head == (
        "bundle pytorch, Python 3.11, release 2026a; driver 570.124.06, oldest GPU of compute capability 9.0"
    )
    for line in (
        r"wrong +release 2026a, CUDA 13\.0\.2 +needs driver 580\.65\.06 or newer, and this machine has 570\.124\.06",
        r"wrong +the bundle's own CUDA 13\.\S+ +needs driver 580 or newer, and this machine has 570\.124\.06",
        r"ok +torch \S+ +brings CUDA 13\.\S+ and cuDNN 9\.\S+ in its wheels",
        r"ok +the base cuda-thin +suits it: its wheels bring their own CUDA, .* GB smaller on bookworm than on cuda",
    ):
        assert [row for row in rows if re.fullmatch(line, row)], (line, rows)


def test_a_bundle_that_no_cuda_base_suits() -> None:
    done = wizard("doctor", "--bundle", "tensorflow", "--driver", "590.48")
    assert done.returncode == 0
    assert re.search(r"^warning +tensorflow \S+ +is locked without CUDA: it computes on the CPU$", done.stdout, re.M)
    assert re.search(
        r"^warning +the CUDA bases +bundle tensorflow does not go on a CUDA base: .* no build for CUDA 13$",
        done.stdout,
        re.M,
    )


def test_a_driver_that_hangs_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", with_smi(tmp_path, "exec sleep 30")["PATH"])
    monkeypatch.setattr(doctor, "_SECONDS", 0.2)
    with pytest.raises(WorkbenchError, match=r"nvidia-smi does not respond: .* timed out") as caught:
        doctor.this_machine()
    assert caught.value.hint == "fix the driver, or name one with --driver"


def test_bad_input() -> None:
    assert "no bundle is named 'mini'" in wizard("doctor", "--bundle", "mini").stderr
    assert wizard("doctor", "--bundle", "minimal", "--driver", "new").returncode == 2
    assert wizard("doctor").returncode == 2
