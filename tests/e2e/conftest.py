from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_from_nothing import made
from tests.engine import BaseChoice, Engine


@pytest.fixture(scope="session")
def jupyter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe of the image `jupyter` is."""
    return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="session")
def jupyter(store: Engine, base: BaseChoice, jupyter_folder: Path) -> str:
    """The minimal image with Jupyter, built once per session."""
    return made(store, base, "jupyter", jupyter_folder)


@pytest.fixture(scope="session")
def runtime(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The minimal runtime image, built once per session."""
    return made(store, base, "runtime", tmp_path_factory.mktemp("runtime"))
