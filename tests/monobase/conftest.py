from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.damages import Place, snapshot
from tests.monobase.models import COGS, index_in, offline
from tests.monobase.wheels import python_flag, write_generation


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A prefix with two cogs and two generations, and the index that it was built from; nothing changes them."""
    folder = tmp_path_factory.mktemp("models")
    index = index_in(folder / "index")
    schema = {version: index.add("schema", version) for version in ("1.0", "2.0")}
    for number in (1, 2):
        locks = {
            "plain": index.lock(folder / "plain.txt", index.pins["tool"]),
            "newer": index.lock(folder / "newer.txt", schema["2.0"], index.pins["model"]),
        }
        write_generation(folder / "data", number, locks)
    done = wizard(
        *("monobase", "build", "--prefix", folder / "prefix", "--data", folder / "data", python_flag()),
        *("--cog-versions", *COGS, "--default-cog-version", "2.0"),
        env=offline(index),
    )
    assert done.returncode == 0, done.stderr
    return folder / "prefix", folder / "index"


@pytest.fixture(scope="session")
def kept_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A cog, and two generations of two environments, as they were built; nothing changes it."""
    folder = tmp_path_factory.mktemp("place")
    index = index_in(folder / "index")
    for number in (1, 2):
        locks = {
            "plain": index.lock(folder / "plain.txt", index.pins["tool"]),
            "more": index.lock(folder / "more.txt", index.pins["tool"], index.pins["extra"]),
        }
        write_generation(folder / "data", number, locks)
    place = Place(folder / "prefix", folder / "data", folder / "prefix", {})
    with pytest.MonkeyPatch.context() as patch:
        for name, text in offline(index).items():
            patch.setenv(name, text)
        assert place.build() == []
    assert not place.is_found()
    return replace(place, whole=snapshot(place.root))


@pytest.fixture
def place(kept_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of it, to damage, and its data to change."""
    for name, text in offline(kept_place.data.with_name("index")).items():
        monkeypatch.setenv(name, text)
    shutil.copytree(kept_place.data, tmp_path / "data")
    made = replace(kept_place, root=tmp_path / "prefix", data=tmp_path / "data")
    made.restore()
    return made
