"""A framework that another package decides: uv and a package index on loopback, and the table of the catalogue."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.release.index import Index, served
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.models.lock import read_kept
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


def test_git_an_extra_index_and_a_source_distribution(tmp_path: Path, index: Index) -> None:
    repository, wheels = tmp_path / "Tool.git", tmp_path / "links"
    wheels.mkdir()
    repository.mkdir()
    (repository / "pyproject.toml").write_text('[project]\nname = "tool-set"\nversion = "1"\n')
    git = ("git", "-C", repository, "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=one")):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    facts = b"Metadata-Version: 2.2\nName: raw\nVersion: 1.0\n"
    with tarfile.open(wheels / "raw-1.0.tar.gz", "w:gz") as archive:
        for name, data in (("raw-1.0/PKG-INFO", facts), ("raw-1.0/pyproject.toml", b"")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha256((wheels / "raw-1.0.tar.gz").read_bytes()).hexdigest()
    with served() as more:
        more.add("only-there", "1.0")
        lines = (f"--extra-index-url {more.url}", f"--find-links file://{wheels}", "only-there", "raw")
        folder = model(tmp_path, *lines, f"git+file://{repository}")
        code, output = check(folder, index, "--lock")
    assert code == 0, output
    assert "note: raw has no wheel: it is built from its source in the image" in output
    lock = (folder / "model.lock").read_text()
    assert f"tool-set @ git+file://{repository}@{commit}\n" in lock
    assert f"--extra-index-url {more.url}\n" in lock and "only-there==1.0" in lock
    # The commit is installed by itself: pip has hashes of no commit.
    found = read_kept(str(folder))
    assert found.commits_without({}) == f"tool-set @ git+file://{repository}@{commit}\n"
    assert found.sources_without({}).splitlines()[2:] == [f"raw==1.0 --hash=sha256:{digest}"]
    assert "raw==" not in found.without({})
    assert "tool-set" not in found.without({}) and found.without({}).startswith("--extra-index-url ")
    assert found.sources == ("raw",)


def test_where_none_goes_the_reason_is_true(tmp_path: Path, index: Index) -> None:
    cuda = short(TORCH[NEWEST].cuda)
    code, output = check(model(tmp_path, "torch", "formers", cuda=cuda), index)
    assert code == 0, output
    driver = PAIRS.drivers["12"]
    assert f"cog.yaml names CUDA {cuda}: the packages bring 12.4, which NVIDIA's drivers from {driver} on run" in output
    code, output = check(model(tmp_path, "torch==2.6.0", cuda="10.2"), index)
    assert code == 1
    assert "torch 2.6.0 brings CUDA 12.4, not 10.2" in output
    code, output = check(model(tmp_path, "torch", "odd"), index)
    assert code == 1
    assert "torch==9.9" in output and "2.6.0" not in output
