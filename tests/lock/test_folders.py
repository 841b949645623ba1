from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import files_below, wizard
from tests.release.index import SOURCE, served
from workbench.catalog.reader import read_catalogue
from workbench.errors import WorkbenchError
from workbench.lock.folders import folders_to_lock
from workbench.release.freeze import freeze

PY = f"py{sys.version_info.major}{sys.version_info.minor}"
OWN = "releases/2026a/bundles"
FILES: dict[str, str | None] = {
    "bundles/1-plain/py312/Pipfile": SOURCE + "[packages]\n",
    "bundles/2-child/display.txt": "Child\n",
    "bundles/2-child/bundle.toml": 'extends = "plain"\n',
    "base/c9s/py311/Pipfile": SOURCE + "[packages]\n",
    f"{OWN}/1-plain/{PY}/Pipfile": SOURCE + '[packages]\nalpha = "~=1.0.0"\n',
    f"{OWN}/2-child/{PY}/Pipfile": '[packages]\nbeta = "*"\n',
}


def test_a_release_locks_what_it_has_for_itself(tmp_path: Path) -> None:
    catalogue = str(make_catalogue(tmp_path, FILES))
    assert folders_to_lock(catalogue, None, None) == {"bundles/1-plain/py312": [], "base/c9s/py311": []}
    plain, child = f"{OWN}/1-plain/{PY}", f"{OWN}/2-child/{PY}"
    assert folders_to_lock(catalogue, None, None, "2026a") == {plain: [], child: [plain]}
    assert folders_to_lock(catalogue, "child", None, "2026a") == {child: [plain]}
    with pytest.raises(WorkbenchError, match="there is no Pipfile to lock"):
        folders_to_lock(catalogue, None, "3.99", "2026a")
    with pytest.raises(WorkbenchError, match="no release is named '2026b'"):
        folders_to_lock(catalogue, None, None, "2026b")


def test_a_release_without_locks_of_its_own_and_a_frozen_one_are_refused(tmp_path: Path) -> None:
    catalogue = str(make_catalogue(tmp_path))
    with pytest.raises(WorkbenchError, match="release 2026a has no locks of its own: it takes those in bundles/"):
        folders_to_lock(catalogue, None, None, "2026a")
    freeze(read_catalogue(catalogue), "2026a", None)
    with pytest.raises(WorkbenchError, match="release 2026a is frozen: its locks move by z only"):
        folders_to_lock(catalogue, None, None, "2026a")


@pytest.mark.thorough
def test_locked_for_real_and_composed_for_that_release_only(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, FILES)
    with served() as index:
        index.add("alpha", "1.0.0", "1.0.4", "1.1.0")
        index.add("beta", "2.3.1")
        # The machine's other sources of packages do not matter here.
        env = {
            "PIP_INDEX_URL": index.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_EXTRA_INDEX_URL": "",
        }
        flags = ("--catalog", catalogue, "--release", "2026a", "--bundle", "child", "--interpreter", sys.executable)
        done = wizard("lock", *flags, "--json", env=env)
    assert done.returncode == 0, done.stderr
    assert [(each["folder"], each["status"]) for each in json.loads(done.stdout)] == [(f"{OWN}/2-child/{PY}", "locked")]
    lines = (catalogue / OWN / "2-child" / PY / "requirements.txt").read_text().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["alpha==1.0.4", "beta==2.3.1"]
    assert sorted(files_below(catalogue / "bundles/2-child")) == ["bundle.toml", "display.txt"]
