"""A framework that another package decides: uv and a package index on loopback, and the table of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.release.index import Index, served
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.models.pairing import short

pytestmark = pytest.mark.thorough

PAIRS = read_compatibility(CatalogueTree(str(REPOSITORY)))
TORCH = PAIRS.frameworks["torch"]
NEWEST = max(TORCH, key=Version)
CODE = "class Predictor:\n    def predict(self, n: int = 1) -> int:\n        return n\n"


def model(root: Path, *requirements: str, cuda: str = "") -> Path:
    (root / "predict.py").write_text(CODE)
    (root / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements))
    more = f'  cuda: "{cuda}"\n' if cuda else ""
    build = f'build:\n  gpu: true\n  python_version: "3.11"\n{more}  python_requirements: requirements.txt\n'
    (root / "cog.yaml").write_text(f'{build}predict: "predict.py:Predictor"\n')
    return root


def check(folder: Path, index: Index, *flags: str) -> tuple[int, str]:
    env = {
        "PIP_INDEX_URL": index.url,
        "PIP_EXTRA_INDEX_URL": "",
        "UV_DEFAULT_INDEX": index.url,
        "UV_INDEX": "",
        "UV_FIND_LINKS": "",
        "UV_NO_CACHE": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = wizard("model", "check", folder, *flags, env=env)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def index() -> Iterator[Index]:
    with served() as found:
        cuda = TORCH["2.6.0"].cuda
        wheel = next(name for name in PAIRS.cuda_wheels if name.endswith("-cu12"))
        found.add(wheel, cuda)
        found.add("torch", NEWEST)
        found.add("torch", "2.6.0", needs=[f"{wheel}=={cuda}"])
        found.add("formers", "1.0.0", needs=["torch==2.6.0"])
        found.add("cog", PAIRS.cog)
        found.add("odd", "1.0.0", needs=["torch==9.9"])
        yield found


def test_a_package_that_no_table_knows_decides_which_torch(tmp_path: Path, index: Index) -> None:
    folder = model(tmp_path, "torch", "formers")
    code, output = check(folder, index, "--lock")
    assert code == 0, output
    assert "note: torch==2.6.0: what else is required goes with that, and with no later one" in output
    assert TORCH["2.6.0"].cuda in output
    lock = (folder / "model.lock").read_text()
    assert "torch==2.6.0" in lock
    # The lock is that of the very requirements from then on, also where none may be made.
    for flags in (("--locked",), ("--lock",)):
        assert check(folder, index, *flags)[0] == 0
        assert (folder / "model.lock").read_text() == lock


def test_where_none_goes_the_reason_is_true(tmp_path: Path, index: Index) -> None:
    cuda = short(TORCH[NEWEST].cuda)
    code, output = check(model(tmp_path, "torch", "formers", cuda=cuda), index)
    assert code == 1
    assert f"torch 2.6.0 brings CUDA 12.4, not {cuda}" in output
    code, output = check(model(tmp_path, "torch", "odd"), index)
    assert code == 1
    assert "torch==9.9" in output and "2.6.0" not in output
