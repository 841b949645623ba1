"""Our own bundles, locked from nothing with the real package index: tomorrow's versions fit together too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.lock.folders import folders_to_lock
from workbench.lock.fresh import stale_locks
from workbench.lock.interpreter import find_interpreter
from workbench.packages import pins, requirement_lines

pytestmark = pytest.mark.slow
_PARTS = ("base", "bundles", "cuda-layer", "ides", "releases", "snippets")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our catalogue without a lock or a list."""
    root = tmp_path_factory.mktemp("catalogue")
    for part in _PARTS:
        shutil.copytree(REPOSITORY / part, root / part)
    for pattern in ("Pipfile.lock", "requirements*.txt"):
        for path in root.glob(f"bundles/*/py*/{pattern}"):
            path.unlink()
    return root


@pytest.mark.parametrize(
    ("bundle", "python", "lists"),
    [
        ("minimal", "3.12", {"", "-jupyter", "-runtime", "-tensorboard"}),
        ("datascience", "3.11", {"", "-jupyter", "-runtime", "-tensorboard"}),
        ("langflow", "3.11", {""}),
    ],
)
def test_a_bundle_is_locked_from_nothing(catalogue: Path, bundle: str, python: str, lists: set[str]) -> None:
    if find_interpreter(python) is None:
        pytest.skip(f"no Python {python} on this machine")
    # As `make lock` does it.
    script = '. workbench/lock/index-url.sh && exec "$0" wizard.py lock --catalog "$@"'
    flags = ("--bundle", bundle, "--python", python, "--json")
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(catalogue), *flags],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ((folder, above),) = folders_to_lock(str(catalogue), bundle, python).items()
    assert [(each["folder"], each["status"]) for each in json.loads(done.stdout)] == [(folder, "locked")]
    assert stale_locks(str(catalogue), {folder: above}) == []
    written = {path.stem.removeprefix("requirements"): path.read_text() for path in (catalogue / folder).glob("r*.txt")}
    assert written.keys() == lists
    for text in written.values():
        assert all("==" in line and "--hash=sha256:" in line for _, line in requirement_lines(text))
    ours = dict(pins(written[""]))
    # An IDE's list never moves what the bundle has.
    for text in written.values():
        assert not {name for name, version in pins(text) if ours.get(name, version) != version}
