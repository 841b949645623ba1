"""Several CUDA builds of one torch, for several machines: in the matrix, and in what `update` locks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.monobase.test_matrix import PAIRS, spec
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError
from workbench.monobase import update as updating
from workbench.monobase.builds import TorchBuilds, read_builds
from workbench.monobase.generation import DATA
from workbench.monobase.matrix import EnvironmentSpec, matrix_of

INDEX = "PYTORCH_*_INDEX_URL"
BUILDS = (
    TorchBuilds(("2.2.2",), ("cpu", "11.8", "12.1"), ("3.10",), index=INDEX),
    TorchBuilds(("2.2.2",), ("cpu",), ("3.10",), platform="aarch64"),
)
CROSSED: dict[str, object] = {
    "torch": ("2.2.2",),
    "pythons": {"3.10": "3.10.20"},
    "platforms": ("x86_64", "aarch64"),
    "cuda": ("cpu", "11.8", "12.1"),
}
LOCK = "".join(
    f"{pin} --hash=sha256:{'0' * 64}\n"
    for pin in ("torch==2.2.2", "torchvision==0.17.2", "torchaudio==2.2.2", "pip==26.3")
)
CUDA = "".join(
    f"{pin} --hash=sha256:{'0' * 64}\n" for pin in ("nvidia-cuda-runtime-cu12==12.1.105", "nvidia-cudnn-cu12==8.9.2.26")
)


def test_one_torch_has_every_build_that_is_known_and_listed() -> None:
    found = {(one.platform, one.name, one.index) for one in matrix_of(spec(**CROSSED), PAIRS, BUILDS).environments}
    assert found == {
        ("x86_64", "python3.10-torch2.2.2-cpu", "PYTORCH_CPU_INDEX_URL"),
        ("x86_64", "python3.10-torch2.2.2-cu118", "PYTORCH_CU118_INDEX_URL"),
        # The package index has that one itself.
        ("x86_64", "python3.10-torch2.2.2-cu121", ""),
        ("aarch64", "python3.10-torch2.2.2-cpu", ""),
    }


def test_builds_have_a_source_and_a_platform_that_exists(tmp_path: Path) -> None:
    assert len(read_builds(DATA)) > 10
    assert read_builds(tmp_path) == ()
    row = 'torch = ["2.2.2"]\ncuda = ["cpu"]\npythons = ["3.10"]\nchecked = "2026-12-01"\nplatform = "vax"\n'
    (tmp_path / "builds.toml").write_text(f"[build.old]\n{row}")
    with pytest.raises(FaultsError) as caught:
        read_builds(tmp_path)
    assert [message for _, message in caught.value.faults] == [
        "build.old does not say its source",
        "build.old: 'vax' is not a platform: x86_64 or aarch64",
    ]


def test_what_an_index_that_nobody_named_has_is_not_locked_and_a_killed_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for tag in ("CPU", "CU118"):
        monkeypatch.delenv(f"PYTORCH_{tag}_INDEX_URL", raising=False)
    pairs = read_compatibility(CatalogueTree(str(REPOSITORY)))
    resolved: list[tuple[str, str]] = []
    dies = ["aarch64"]

    def lock_text(uv: object, environment: EnvironmentSpec, full: str, before: Path) -> str:
        if environment.platform in dies:
            raise KeyboardInterrupt
        resolved.append((environment.platform, environment.name))
        return LOCK + (CUDA if environment.cuda == "12.1" else "")

    monkeypatch.setattr(updating, "lock_text", lock_text)
    crossed = spec(**CROSSED)
    with pytest.raises(KeyboardInterrupt):
        updating.update(tmp_path, crossed, pairs, lambda _: None, builds=BUILDS)
    folder = tmp_path / "requirements/g00007"
    assert not folder.exists()
    dies.clear()
    _, unlocked = updating.update(tmp_path, crossed, pairs, lambda _: None, builds=BUILDS, jobs=2)
    # Each was resolved once, whichever of the two was first.
    assert sorted(resolved) == [("aarch64", "python3.10-torch2.2.2-cpu"), ("x86_64", "python3.10-torch2.2.2-cu121")]
    assert unlocked == {
        "python3.10-torch2.2.2-cpu": "PYTORCH_CPU_INDEX_URL",
        "python3.10-torch2.2.2-cu118": "PYTORCH_CU118_INDEX_URL",
    }
    rows = json.loads((folder / "matrix.json").read_text())["environments"]
    assert {(row["name"], row.get("unlocked", "")) for row in rows} == {
        ("python3.10-torch2.2.2-cu121", ""),
        ("python3.10-torch2.2.2-cpu", ""),
        *unlocked.items(),
    }
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.txt")) == [
        "aarch64/python3.10-torch2.2.2-cpu.txt",
        "python3.10-torch2.2.2-cu121.txt",
    ]
