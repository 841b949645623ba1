"""Which generation models get that name none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.models import run
from tests.monobase.wheels import python_flag
from workbench.monobase import layout
from workbench.monobase.prefix import Prefix


@pytest.fixture
def tree(places: tuple[Path, Path], tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", str(places[0]), str(tmp_path / "prefix")], check=True)
    return tmp_path / "prefix"


def monobase(verb: str, tree: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    return wizard("monobase", verb, "--prefix", tree, *flags)


def generation(tree: Path, cache: Path) -> str:
    """The one that a model gets which names none."""
    return run(tree, cache, "sh", "-c", "echo $MONOBASE_GENERATION", MONOBASE_STACK="plain").stdout.strip()


def test_rolled_back_is_the_one_before_whatever_is_built(tree: Path, places: tuple[Path, Path], tmp_path: Path) -> None:
    assert generation(tree, tmp_path) == "g00002"
    done = monobase("rollback", tree)
    assert (done.returncode, done.stdout) == (0, "latest is g00001, pinned\n")
    assert generation(tree, tmp_path) == "g00001"
    data = places[0].with_name("data")
    built = monobase("build", tree, "--data", data, python_flag())
    assert built.returncode == 0, built.stderr
    assert generation(tree, tmp_path) == "g00001"
    assert [line.split()[1] for line in monobase("status", tree).stdout.splitlines()[1:3]] == ["latest,", "ready"]
    assert monobase("verify", tree, "--data", data).returncode == 0
    refused = monobase("rollback", tree)
    assert (refused.returncode, "nothing older than g00001 is ready here" in refused.stderr) == (1, True)
    done = monobase("pin", tree, "--remove", "--json")
    assert json.loads(done.stdout) == {"latest": "g00002", "pinned": None}
    assert generation(tree, tmp_path) == "g00002"


def test_what_is_pinned_is_ready_and_stays(tree: Path) -> None:
    refused = monobase("pin", tree, "7")
    assert "generation g00007 is not ready here" in refused.stderr
    assert "hint: ready: g00001, g00002" in refused.stderr
    assert json.loads(monobase("pin", tree, "1", "--json").stdout) == {"latest": "g00001", "pinned": "g00001"}
    kept = monobase("prune", tree, "--gen-id", "1", "--grace", "0")
    assert (kept.returncode, "g00001: latest is pinned to it" in kept.stderr) == (1, True)
    for flags in ((), ("1", "--remove"), ("08",)):
        assert monobase("pin", tree, *flags).returncode == 2


def test_a_pin_that_leads_nowhere_is_found_and_repaired(tree: Path, places: tuple[Path, Path]) -> None:
    data = places[0].with_name("data")
    os.symlink("g00009", tree / "monobase/pinned")
    assert layout.pinned_name(Prefix.at(str(tree))) is None
    done = monobase("verify", tree, "--data", data)
    assert (done.returncode, "monobase/pinned: changed" in done.stderr) == (1, True)
    assert monobase("repair", tree).returncode == 0
    assert not (tree / "monobase/pinned").is_symlink()
    assert monobase("verify", tree, "--data", data).returncode == 0
