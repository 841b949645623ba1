from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import wizard
from tests.kubernetes import control_plane
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.source import NoSourceError

_NUMBERS = itertools.count(1)
# What is exported here: without GPUs and with some.
_RECIPES = {
    "jupyter": ("--base=standard", "--bundle=minimal", "--ide=jupyter"),
    "vscode": ("--base=standard", "--bundle=minimal", "--ide=vscode"),
    "cuda": ("--base=cuda", "--bundle=pytorch", "--ide=jupyter"),
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A control plane without a node, for the whole session; each test takes a namespace of its own."""
    if reason := control_plane.missing():
        pytest.skip(reason)
    try:
        with control_plane.started() as running:
            yield running
    except NoSourceError as error:
        pytest.skip(str(error))


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A namespace that nothing is in."""
    return cluster.make_namespace(f"team-{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipe folders by what they are here for."""
    found = {}
    for name, answers in _RECIPES.items():
        folder = tmp_path_factory.mktemp(name)
        flags = ["--release=2026a", "--date=20261122", "--os=bookworm", "--python=3.11", *answers, "--out", folder]
        done = wizard("new", *flags, "--offline")
        assert done.returncode == 0, done.stderr
        (found[name],) = [each for each in folder.iterdir() if each.is_dir()]
    return found
