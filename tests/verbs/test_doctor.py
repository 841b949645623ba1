from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.command import wizard


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


def test_a_broken_driver_is_told(tmp_path: Path) -> None:
    script = 'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9'
    done = wizard("doctor", "--bundle", "minimal", env=with_smi(tmp_path, script))
    assert done.returncode == 1
    assert "nvidia-smi failed: NVIDIA-SMI has failed" in done.stderr


def test_bad_input() -> None:
    assert "no bundle is named 'mini'" in wizard("doctor", "--bundle", "mini").stderr
    assert wizard("doctor", "--bundle", "minimal", "--driver", "new").returncode == 2
    assert wizard("doctor").returncode == 2
