from __future__ import annotations

import subprocess
from pathlib import Path

from tests.catalogues import REPOSITORY

PB = Path("workbench/images/buildkit/llb/pb")


def test_the_generated_code_is_that_of_the_protos(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--silent", "protos", f"INTO={tmp_path}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made, kept = tmp_path / PB, REPOSITORY / PB
    assert {path.name: path.read_text() for path in made.iterdir()} == {
        path.name: path.read_text() for path in kept.glob("*_pb2.py*")
    }, "run `make protos` and commit what it makes"
