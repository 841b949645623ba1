from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import wizard
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
