from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, make_catalogue
from workbench.catalog.questions import Answers
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.wizard.collect import Defaults

# Rules of every kind, and a snippet that copies a file which is not there.
RULED = {
    "bundles/2-torch/display.txt": "Torch\n",
    "bundles/2-torch/bundle.toml": 'cuda = "required"\n',
    "bundles/2-torch/py311/requirements.txt": "torch==2.9.0\n",
    "bundles/3-lonely/display.txt": "Lonely\n",
    "bundles/3-lonely/bundle.toml": 'needs = ["company"]\n',
    "bundles/3-lonely/py311/requirements.txt": "attrs==25.1.0\n",
    "ides/3-broken/display.txt": "Broken\n",
    "ides/3-broken/broken.snippet": "USER 1001\nCOPY missing.sh ./\nWORKDIR /opt/app-root/src\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_catalogue(tmp_path, RULED)


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return read_catalogue(str(folder))


@pytest.fixture
def defaults(tmp_path: Path) -> Defaults:
    def wanted(given: Answers) -> Answers:
        return {**ANSWERS, "out": str(tmp_path / "recipes")}

    return wanted
