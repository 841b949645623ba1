"""Stale locks, found without pipenv; test_pipenv.py holds it to pipenv's own verdict on every lock of ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from workbench.commands import here
from workbench.lock.folders import folders_to_lock
from workbench.lock.fresh import stale_locks


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Our bundles minimal and r, which builds on it, to be changed."""
    for name in ("1-minimal", "8-r"):
        shutil.copytree(REPOSITORY / "bundles" / name, tmp_path / "bundles" / name)
    shutil.copytree(REPOSITORY / "ides", tmp_path / "ides")
    return tmp_path


HOMES = "ides/1-jupyter/py311, ides/5-tensorboard/py311, ides/6-runtime/py311"
RUN = f"run `{here('lock')}`"


def stale(catalogue: Path) -> dict[str, str]:
    return dict(stale_locks(str(catalogue), folders_to_lock(str(catalogue), None, "3.11")))


def test_a_changed_pipfile_makes_its_own_lock_stale_and_those_that_build_on_it(copy: Path) -> None:
    assert stale(copy) == {}
    pipfile = copy / "bundles/1-minimal/py311/Pipfile"
    # What is no package is none of the lock's.
    pipfile.write_text(f"# A comment.\n{pipfile.read_text()}")
    assert stale(copy) == {}
    pipfile.write_text(pipfile.read_text().replace("[packages]\n", '[packages]\ncertifi = "*"\n'))
    found = stale(copy)
    where = "bundles/1-minimal/py311/Pipfile.lock"
    assert found.pop(where) == f"is not the lock of its Pipfile with those of {HOMES}: {RUN}"
    assert found == {
        "bundles/8-r/py311/Pipfile.lock": (
            f"is not the lock of its Pipfile with those of {HOMES}, bundles/1-minimal/py311: {RUN}"
        )
    }


def test_a_list_that_was_changed_or_lost(copy: Path) -> None:
    folder = copy / "bundles/1-minimal/py311"
    text = (folder / "requirements.txt").read_text()
    (folder / "requirements.txt").write_text(text.replace("packaging==", "packaging==1."))
    (folder / "requirements-jupyter.txt").unlink()
    assert stale(copy) == {
        f"bundles/1-minimal/py311/{name}": f"has not the versions of Pipfile.lock: {RUN}"
        for name in ("requirements.txt", "requirements-jupyter.txt")
    }


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (None, "Pipfile", f"has no Pipfile.lock beside it: {RUN}"),
        ("{", "Pipfile.lock", f"is no lock: {RUN}"),
        (json.dumps({"_meta": []}), "Pipfile.lock", f"is no lock: {RUN}"),
        (json.dumps({"_meta": {"hash": {"sha256": ""}}, "default": []}), "Pipfile.lock", f"is no lock: {RUN}"),
    ],
)
def test_a_lock_that_is_none(copy: Path, text: str | None, where: str, message: str) -> None:
    lock = copy / "bundles/1-minimal/py311/Pipfile.lock"
    lock.unlink()
    if text is not None:
        lock.write_text(text)
    assert stale(copy)[f"bundles/1-minimal/py311/{where}"] == message


def test_check_refuses_a_changed_pipfile_without_a_new_lock(tmp_path: Path) -> None:
    for name in ("base", "bundles", "ides", "releases", "snippets"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    pipfile = tmp_path / "bundles/9-spark/py312/Pipfile"
    pipfile.write_text(pipfile.read_text().replace("[packages]\n", '[packages]\ncertifi = "*"\n'))
    done = wizard("check", "--catalog", tmp_path, "--no-lint", "--json")
    assert done.returncode == 1
    assert [fault["where"] for fault in json.loads(done.stderr)["faults"]] == ["bundles/9-spark/py312/Pipfile.lock"]
