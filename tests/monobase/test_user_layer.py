"""The layer that a weightless model's image has beyond its environment: made by its Containerfile's own commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.models.test_weightless import parsed
from tests.monobase.models import offline, run
from tests.monobase.wheels import MINOR
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.reader import read_catalogue
from workbench.catalog.tree import CatalogueTree
from workbench.errors import WorkbenchError
from workbench.models.containerfile import containerfile
from workbench.models.lock import WEIGHTLESS_LOCK, ModelLock, keep
from workbench.models.model import Model, ModelBase
from workbench.models.user_layer import USER_LAYER, lock_user_layer
from workbench.models.weightless import fit

TREE = CatalogueTree(str(REPOSITORY))


@pytest.fixture
def data(places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The generations of the prefix, with locks as ours are: where packages are is not in them."""
    for name, text in offline(places[1]).items():
        monkeypatch.setenv(name, text)
    copied = shutil.copytree(places[1].with_name("data"), tmp_path / "data")
    for lock in copied.glob("requirements/*/*.txt"):
        lock.write_text(re.sub(r"(?m)^--.*\n", "", lock.read_text()))
    return copied


def locked(folder: Path, data: Path, *requirements: str) -> tuple[Model, ModelBase, ModelLock | None]:
    model = replace(parsed(*requirements, python=MINOR), folder=str(folder))
    resolved, base = fit(model, data, None, "2.0")
    base = replace(base, image="localhost/monobase:1")
    lock = lock_user_layer(model, base, data, read_compatibility(TREE))
    return Model("localhost/models/m:latest", model.config, resolved, base), base, lock


def made(model: Model, lock: ModelLock, place: Path, prefix: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
    """Run what the image's build runs, with its layer and its file of requirements below `place`."""
    text = containerfile(model, TREE, read_catalogue(str(REPOSITORY)), "bookworm", requirements=True)
    (place / "requirements.txt").write_text(lock.without(model.base.installed))
    command = text.partition("RUN ")[2].partition("\n\n")[0].replace(USER_LAYER, str(place / "layer"))
    env = {**os.environ, "MONOBASE_PREFIX": str(prefix), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = command.replace("/tmp/requirements.txt", str(place / "requirements.txt"))
    return subprocess.run(["/bin/sh", "-ec", command], capture_output=True, text=True, env=env, check=False)


def test_what_the_environment_has_not_goes_into_a_layer_that_activation_takes(
    places: tuple[Path, Path], data: Path, tmp_path: Path
) -> None:
    prefix, wheels = places
    model, base, lock = locked(tmp_path, data, "extra", "tool>=1")
    assert lock is not None
    assert (base.environment, lock.name) == (f"python{MINOR}-plain", WEIGHTLESS_LOCK)
    assert lock.without(base.installed).splitlines()[0].startswith("extra==1.0 --hash=sha256:")
    assert len(lock.without(base.installed).splitlines()) == 1
    done = made(model, lock, tmp_path, prefix, wheels)
    assert done.returncode == 0, done.stderr
    code = "import extra, tool; print(extra.__file__); print(tool.__file__)"
    flags = {"MONOBASE_STACK": "plain", "MONOBASE_USER": str(tmp_path / "layer")}
    done = run(prefix, tmp_path / "cache", "python", "-c", code, **flags)
    assert done.returncode == 0, done.stderr
    above, environment = done.stdout.splitlines()
    assert above.startswith(f"{tmp_path}/layer/lib/python{MINOR}/site-packages/")
    assert environment.startswith(f"{prefix}/monobase/g00002/python{MINOR}-plain/")
    other = run(prefix, tmp_path / "cache", "true", **{**flags, "MONOBASE_STACK": "newer"})
    assert "the user layer was resolved for environment g00002/" in other.stderr
    # What is kept is what is built from.
    keep(str(tmp_path), lock)
    kept = locked(tmp_path, data, "extra", "tool>=1")[2]
    assert kept is not None
    assert (kept.is_kept, kept.text) == (True, lock.text)


def test_a_model_that_has_all_in_its_environment_has_no_layer_and_no_lock(data: Path, tmp_path: Path) -> None:
    model, _, lock = locked(tmp_path, data, "tool")
    assert lock is None
    text = containerfile(model, TREE, read_catalogue(str(REPOSITORY)), "bookworm", requirements=False)
    assert "RUN" not in text


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        # One environment has the one, another the other, each in another version.
        (("schema<2", "tool>1"), "no environment of g00002 has everything that the model requires"),
        (("never-made",), "never-made"),
    ],
)
def test_what_contradicts_the_environment_or_does_not_exist_is_refused(
    data: Path, tmp_path: Path, requirements: tuple[str, ...], message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message) as caught:
        locked(tmp_path, data, *requirements)
    assert "python" in caught.value.hint
    assert caught.value.hint.endswith("or build it without --weightless")
