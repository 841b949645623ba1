from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import wizard


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipes of our own catalogue: its standard set."""
    folder = tmp_path_factory.mktemp("recipes")
    done = wizard("recipes", "--release=2026a", "--date=20261122", "--out", folder, "--no-lint")
    assert done.returncode == 0, done.stderr
    return folder
