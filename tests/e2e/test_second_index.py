"""A second package index, from the lock to the image, its SBOM and the update of its frozen release: all for real.

It is that of a base with package lists of its own, as ROCm's, with small packages in the place of AMD's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from tests.command import wizard
from tests.engine import BaseChoice, Engine
from tests.release.index import SOURCE, Index, served

pytestmark = pytest.mark.thorough

PIPFILE = SOURCE + '[packages]\nalpha = "*"\ngamma = "*"\n'
ROCM = (
    '[[source]]\nname = "rocm"\nurl = "${ROCM_INDEX_URL}"\nverify_ssl = true\n\n'
    '[packages]\ngamma = {version = "~=2.0.0", index = "rocm"}\n'
)
BASE = (
    '\n[bases.rocm]\ndisplay = "ROCm"\ntag = "base-{os}-{python}"\nprefix = "rocm"\nlists = "rocm"\n'
    'accelerator = "amd.com/gpu"\n'
)
IMAGE = "localhost/workbench-images:rocm-runtime-plain-bookworm-py311_2026a_20261122"


@pytest.fixture
def indexes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Index, Index]]:
    """Two indexes on loopback; each has its own gamma, and the second one more alpha that nobody asked for."""
    with served() as first, served() as second:
        first.add("alpha", "1.0.0")
        first.add("dep", "1.0.0")
        first.add("gamma", "2.0.0", needs=["nvidia-cuda-runtime"])
        first.add("nvidia-cuda-runtime", "13.0.0")
        second.add("alpha", "9.0.0")
        second.add("gamma", "2.0.0+rocm6", needs=["dep"])
        monkeypatch.setenv("PIP_INDEX_URL", first.url)
        monkeypatch.setenv("ROCM_INDEX_URL", second.url.replace("//", "//somebody:secret@"))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        yield first, second


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    python_packages = (REPOSITORY / "bundles/python_packages.snippet").read_text()
    accelerator = (REPOSITORY / "snippets/base/accelerator.snippet.j2").read_text()
    return make_catalogue(
        tmp_path / "catalogue",
        {
            "bundles/python_packages.snippet": python_packages,
            "releases/2026a.toml": RELEASE + BASE,
            "snippets/base/accelerator.snippet.j2": accelerator,
            "bundles/1-plain/py311/Pipfile": PIPFILE,
            "bundles/1-plain/py311-rocm/Pipfile": ROCM,
            **{f"bundles/1-plain/py31{minor}/requirements-editor.txt": None for minor in "12"},
            "bundles/1-plain/py312/requirements.txt": None,
        },
    )


def succeeded(*arguments: object) -> str:
    done = wizard(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_from_the_lock_to_the_image_and_the_next_update(
    engine: Engine, base: BaseChoice, indexes: tuple[Index, Index], catalogue: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _, second = indexes
    # The fixture `engine` gives the machine's own indexes back: a build here is given these two alone.
    here = ("--catalog", catalogue)
    succeeded("lock", *here, "--interpreter", sys.executable)
    flags = [*base.flags(), "--base=rocm", "--bundle=plain", "--ide=runtime"]
    succeeded("new", *flags, *here, "--out", tmp_path / "recipes", "--offline")
    (recipe,) = (tmp_path / "recipes").iterdir()
    build = ("build", recipe, *here, "--log-dir", tmp_path / "logs", "--engine-option=--network=host", "--no-cache")

    address = os.environ["ROCM_INDEX_URL"]
    monkeypatch.delenv("ROCM_INDEX_URL")
    refused = wizard(*build)
    assert refused.returncode == 1
    assert f"error: {recipe}: takes packages from the index ${{ROCM_INDEX_URL}}" in refused.stderr
    monkeypatch.setenv("ROCM_INDEX_URL", address)

    printed = succeeded(*build)
    shown = engine("run", "--rm", "--network=none", "--entrypoint=pip", IMAGE, "list", "--format=freeze")
    assert {"alpha==1.0.0", "dep==1.0.0", "gamma==2.0.0+rocm6"} <= set(shown.split())
    assert "nvidia" not in shown
    label = '{{index .Config.Labels "io.workbench-images.accelerator"}}'
    assert engine("image", "inspect", f"--format={label}", IMAGE).strip() == "amd.com/gpu"
    # Nowhere is an address, let alone a password: not in the catalogue, the recipe, the log, the history.
    (log,) = (tmp_path / "logs").iterdir()
    history = engine("history", "--no-trunc", "--format=json", IMAGE) + engine("image", "inspect", IMAGE)
    port = second.url.split(":")[-1].split("/")[0]
    kept = [path.read_text() for path in (*recipe.iterdir(), *(catalogue / "bundles/1-plain/py311-rocm").iterdir())]
    assert not [text for text in (*kept, history) if port in text or "secret@" in text]
    assert "secret@" not in log.read_text() + printed

    parts = json.loads((recipe / "sbom.cdx.json").read_text())["components"]
    indexed = {
        part["name"]: each["value"] for part in parts for each in part.get("properties", []) if "index" in each["name"]
    }
    assert indexed == {"gamma": "${ROCM_INDEX_URL}"}

    succeeded("release", "freeze", "2026a", *here, "--offline")
    own = catalogue / "releases/2026a/bundles/1-plain/py311-rocm"
    second.add("gamma", "2.0.1+rocm6", "2.1.0+rocm6", needs=["dep"])
    second.add("dep", "1.0.9")
    succeeded("release", "update", "2026a", *here, "--interpreter", sys.executable)
    lines = [line.split(" ")[0] for line in (own / "requirements.txt").read_text().splitlines()]
    assert lines == ["alpha==1.0.0", "dep==1.0.0", "--extra-index-url", "gamma==2.0.1+rocm6"]
