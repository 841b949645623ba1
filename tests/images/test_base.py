from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import TINY, Engine
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.errors import WorkbenchError
from workbench.images.base import base_request, check_choice, root_image

BASE = {
    "base/bookworm/Containerfile": (
        "ARG ROOT_IMAGE=none\nFROM ${ROOT_IMAGE}\nARG PYTHON=2.7\nARG PYTHON_TAG=py27\n"
        "COPY ${PYTHON_TAG}/requirements.txt /locks.txt\nRUN echo $PYTHON >/python\n"
        "USER 1001\nWORKDIR /opt/app-root/src\n"
    ),
    "base/bookworm/os.toml": 'commands = ["tool"]\n',
    "base/bookworm/py311/requirements.txt": "pip==26.3\n",
}
FLAGS = ["--os=bookworm", "--python=3.11", "--release=2026a", "--date=20261122"]
DATED = "localhost/workbench-images:base-bookworm-py311_2026a_20261122"
LATEST = "localhost/workbench-images:base-bookworm-py311_2026a_latest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_catalogue(tmp_path, BASE)


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return read_catalogue(str(folder))


def test_the_base_is_built_on_the_root_image_of_this_machine(engine: Engine, folder: Path, tmp_path: Path) -> None:
    engine("tag", TINY, "localhost/workbench-images:os-bookworm")
    done = wizard("base", "--catalog", folder, *FLAGS, "--log-dir", tmp_path / "logs")
    engine("untag", "localhost/workbench-images:os-bookworm", "localhost/workbench-images:os-bookworm")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [DATED, LATEST]
    assert engine("run", "--rm", DATED, "cat", "/python", "/locks.txt") == "3.11\npip==26.3"
    labels = json.loads(engine("image", "inspect", "--format", "{{json .Config.Labels}}", LATEST))
    assert labels["io.workbench-images.tag"] == "base-bookworm-py311_2026a_20261122"
    assert labels["io.workbench-images.release"] == "2026a"
    assert len(labels["io.workbench-images.source"]) == 64


def test_the_request(engine: Engine, catalogue: Catalogue, folder: Path) -> None:
    request = base_request(catalogue, "2026a", "bookworm", "3.11", "20261122", options=("--jobs=2",), ca_bundle="x")
    assert request.names == (DATED, LATEST)
    assert request.folder == str(folder / "base/bookworm")
    assert request.arguments == {
        "ROOT_IMAGE": "docker.io/library/debian:bookworm",
        "PYTHON": "3.11",
        "PYTHON_TAG": "py311",
    }
    assert (request.options, request.ca_bundle, request.cache) == (("--jobs=2",), "x", True)
    assert base_request(catalogue, "2026a", "bookworm", "3.11", "latest").names == (LATEST,)


def test_the_source_changes_with_the_folder(engine: Engine, catalogue: Catalogue, folder: Path) -> None:
    before = base_request(catalogue, "2026a", "bookworm", "3.11", "20261122").labels
    (folder / "base/bookworm/py311/requirements.txt").write_text("pip==26.4\n")
    after = base_request(read_catalogue(str(folder)), "2026a", "bookworm", "3.11", "20261122").labels
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"io.workbench-images.source"}


def test_our_own_root_image_goes_first(engine: Engine, catalogue: Catalogue) -> None:
    own = "localhost/workbench-images:os-bookworm"
    engine.try_("untag", own, own)
    assert root_image(catalogue, "2026a", "bookworm") == "docker.io/library/debian:bookworm"
    engine("tag", TINY, own)
    assert root_image(catalogue, "2026a", "bookworm") == own
    engine("untag", own, own)


@pytest.mark.parametrize(
    ("release", "os", "python", "date", "message"),
    [
        ("2026b", "bookworm", "3.11", "20261122", "no release is named '2026b'"),
        ("2026a", "trixie", "3.11", "20261122", "no operating system of release 2026a is named 'trixie'"),
        ("2026a", "bookworm", "3.13", "20261122", "release 2026a has no Python 3.13 on bookworm"),
        ("2026a", "bookworm", "three", "20261122", "'three' is not a Python version"),
        ("2026a", "bookworm", "3.11", "20260230", "20260230 is no day of the calendar"),
        ("2026a", "../base", "3.11", "20261122", "no operating system of release 2026a is named '../base'"),
        ("a/b", "bookworm", "3.11", "20261122", "'a/b' cannot be a release name"),
    ],
)
def test_a_base_that_does_not_exist(
    catalogue: Catalogue, release: str, os: str, python: str, date: str, message: str
) -> None:
    with pytest.raises(WorkbenchError) as error:
        check_choice(catalogue, release, os, python, date)
    assert error.value.message == message


@pytest.mark.parametrize("path", ["base/bookworm/Containerfile", "base/bookworm/py311/requirements.txt"])
def test_a_file_that_is_missing(path: str, folder: Path) -> None:
    (folder / path).unlink()
    with pytest.raises(WorkbenchError) as error:
        base_request(read_catalogue(str(folder)), "2026a", "bookworm", "3.11", "20261122")
    assert error.value.where == path
