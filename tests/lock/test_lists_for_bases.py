"""Package lists for certain bases (py311-cpu): locked over the plain ones, with an index that not everybody has."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue
from tests.command import wizard
from tests.release.index import SOURCE, Index, served
from workbench.catalog.questions import Selection
from workbench.catalog.reader import open_catalogue
from workbench.compose.possible import compose_checked
from workbench.lock.folders import folders_to_lock
from workbench.lock.fresh import stale_locks
from workbench.lock.pipenv import lock
from workbench.packages import pins

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PY = f"py{VERSION.replace('.', '')}"
CPU = f"{PY}-cpu"
BASE = '\n[bases.cpu]\ndisplay = "CPU"\ntag = "base-{os}-{python}"\nprefix = "cpu"\nlists = "cpu"\n'
SNIPPET = "COPY requirements.txt /tmp/\nRUN uv pip install --require-hashes -r /tmp/requirements.txt\n"
FILES: dict[str, str | None] = {
    "releases/2026a.toml": RELEASE.replace('"3.11"', f'"{VERSION}"') + BASE,
    "bundles/python_packages.snippet": SNIPPET,
    **{f"bundles/1-plain/py31{minor}/requirements.txt": None for minor in "12"},
    "bundles/1-plain/py311/requirements-editor.txt": None,
    f"bundles/1-plain/{PY}/Pipfile": SOURCE + '[packages]\nalpha = "*"\n',
    "bundles/2-torch/display.txt": "Torch\n",
    "bundles/2-torch/bundle.toml": 'extends = "plain"\n',
    f"bundles/2-torch/{PY}/Pipfile": '[packages]\ntorch = "~=2.1.0"\nflow = "*"\n',
    f"bundles/2-torch/{CPU}/Pipfile": (
        '[[source]]\nname = "cpu"\nurl = "${CPU_INDEX_URL}"\nverify_ssl = true\n\n'
        '[packages]\ntorch = {version = "~=2.1.0", index = "cpu"}\nflow-cpu = "*"\n'
        "flow = {version = \"*\", markers = \"python_version < '3'\"}\n"
    ),
    "bundles/3-chain/display.txt": "Chain\n",
    "bundles/3-chain/bundle.toml": 'extends = "torch"\n',
    f"bundles/3-chain/{PY}/Pipfile": '[packages]\nlang = "*"\n',
    f"bundles/3-chain/{CPU}/Pipfile": "[packages]\n",
    f"ides/1-editor/{PY}/Pipfile": SOURCE + '[packages]\nalpha = "*"\n',
}  # fmt: skip


@pytest.fixture
def indexes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Index, Index]]:
    """Pip's own index, whose torch brings CUDA, and one with the same version of it without."""
    with served() as first, served() as second:
        first.add("alpha", "1.0.0")
        first.add("torch", "2.1.0", needs=["nvidia-cuda-runtime"])
        first.add("nvidia-cuda-runtime", "13.0.0")
        first.add("flow", "1.0.0")
        first.add("flow-cpu", "1.0.0")
        first.add("lang", "3.0.0", needs=["torch"])
        second.add("torch", "2.1.0+cpu", "2.2.0+cpu")
        monkeypatch.setenv("PIP_INDEX_URL", first.url)
        monkeypatch.setenv("CPU_INDEX_URL", second.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        yield first, second


def test_they_build_on_the_plain_lists_and_on_what_bundles_below_change(tmp_path: Path) -> None:
    found = folders_to_lock(str(make_catalogue(tmp_path, FILES)), None, None)
    plain, torch, chain, ide = "bundles/1-plain", "bundles/2-torch", "bundles/3-chain", f"ides/1-editor/{PY}"
    assert found == {
        f"{plain}/{PY}": [ide],
        f"{torch}/{PY}": [ide, f"{plain}/{PY}"],
        f"{torch}/{CPU}": [ide, f"{plain}/{PY}", f"{torch}/{PY}"],
        f"{chain}/{PY}": [ide, f"{plain}/{PY}", f"{torch}/{PY}"],
        f"{chain}/{CPU}": [ide, f"{plain}/{PY}", f"{torch}/{PY}", f"{chain}/{PY}", f"{torch}/{CPU}"],
    }
    catalogue = str(tmp_path / "catalogue")
    assert set(folders_to_lock(catalogue, "chain", VERSION)) == {f"{chain}/{PY}", f"{chain}/{CPU}"}


def test_without_their_index_all_else_is_locked_and_its_variable_is_named(tmp_path: Path) -> None:
    others = {path: None for path in FILES if path.endswith(f"{PY}/Pipfile")}
    catalogue = make_catalogue(tmp_path, {**FILES, **others})
    done = wizard("lock", "--catalog", catalogue, "--json", env={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert done.returncode == 0, done.stderr
    assert [(each["folder"], each["status"], each["reason"]) for each in json.loads(done.stdout)] == [
        (f"bundles/{bundle}/{CPU}", "skipped", "export CPU_INDEX_URL=ADDRESS: its package index")
        for bundle in ("2-torch", "3-chain")
    ]


@pytest.mark.thorough
def test_what_is_locked_and_composed(indexes: tuple[Index, Index], tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, FILES)
    folder, above = catalogue / "bundles/3-chain" / CPU, folders_to_lock(str(catalogue), "chain", None)
    below = [str(catalogue / each) for each in above[f"bundles/3-chain/{CPU}"]]
    assert lock(str(folder), sys.executable, below) == ("flow",)
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert [line.split(" --hash")[0].split(" ;")[0] for line in lines] == [
        "alpha==1.0.0",
        "flow-cpu==1.0.0",
        "lang==3.0.0",
        "--extra-index-url ${CPU_INDEX_URL}",
        "torch==2.1.0+cpu",
    ]
    assert all("--hash=sha256:" in line for line in lines if "==" in line)
    assert dict(pins((folder / "requirements-editor.txt").read_text())) == {"alpha": "1.0.0"}
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert "127.0.0.1" not in kept

    chosen = Selection("2026a", "20261122", "cpu", "c9s", VERSION, "chain", "editor")
    recipe = compose_checked(open_catalogue(str(catalogue)), chosen)
    assert "RUN --mount=type=secret,id=CPU_INDEX_URL,mode=0444 \\\n" in recipe.containerfile

    # A lock that is not of its Pipfiles is a fault, whoever has the index.
    own = {f"bundles/3-chain/{CPU}": above[f"bundles/3-chain/{CPU}"]}
    assert stale_locks(str(catalogue), own) == []
    (catalogue / "bundles/2-torch" / CPU / "Pipfile").write_text('[packages]\ntorch = "~=2.1.0"\n')
    assert [where for where, _ in stale_locks(str(catalogue), own)] == [f"bundles/3-chain/{CPU}/Pipfile.lock"]
