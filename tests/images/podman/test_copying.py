"""A store that copies all layers for each new one: a build makes one of its image, and not one of every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import wizard
from tests.engine import TINY, Engine, tiny_root
from tests.images.recipes import IMAGE, recipe


@pytest.fixture
def copying(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """podman with another store of its own, whose driver is vfs."""
    folder, config = tmp_path / "vfs", tmp_path / "storage.conf"
    config.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(config))
    other = Engine(folder, {**engine.env, "CONTAINERS_STORAGE_CONF": str(config)})
    other("import", "--change", "ENV PATH=/bin", "-", TINY, stdin=tiny_root())
    return other


@pytest.mark.thorough
def test_an_image_is_one_copy(copying: Engine, tmp_path: Path) -> None:
    built = wizard("build", recipe(tmp_path, copying), "--log-dir", tmp_path / "logs")
    assert (built.returncode, built.stdout) == (0, f"{IMAGE}\n"), built.stderr
    assert "stopped" not in built.stderr and "  1/" in built.stderr
    copies = list((copying.folder / "store/vfs/dir").iterdir())
    assert len(copies) == 2, "the base's and the image's"
    made = "{{.Config.User}} {{len .RootFS.Layers}}"
    assert copying("image", "inspect", "--format", made, IMAGE) == "1001 2"
    assert copying.containers() == ""
