"""A cap on what a prefix takes: what was used least recently goes first, and never what is in use, pinned or latest."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.damages import Silent
from tests.monobase.test_prune import age, leased, on_disk
from tests.monobase.wheels import MINOR, Index, python_flag, this_python, toolchain_at, write_generation
from workbench.monobase import layout
from workbench.monobase.fill import FillRequest, fill
from workbench.monobase.generation import load_all
from workbench.monobase.install import Toolchain
from workbench.monobase.pinning import pin
from workbench.monobase.processes import ProcessScan
from workbench.monobase.prune import PruneReport, freed_without
from workbench.monobase.room import prune_to
from workbench.monobase.sizes import measure
from workbench.monobase.verify import verify
from workbench.verbs.monobase.options import size_argument

# How long ago each generation was used: 3 is the least recent, then 1, 2, 4.
AGES = {"g00001": 300_000, "g00002": 200_000, "g00003": 400_000, "g00004": 100_000}
OWN = 1_000_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four generations, each with a megabyte of its own."""
    folder = tmp_path_factory.mktemp("room")
    index = Index(folder / "index")
    for number in range(1, 5):
        own = index.add("aa", f"{number}.0", files={"aa.txt": str(number) * OWN})
        write_generation(folder / "data", number, {"one": index.lock(folder / f"{number}.txt", own)})
    tools = toolchain_at(folder / "prefix")
    fill(tools, FillRequest(load_all(folder / "data"), {MINOR: this_python()}, {}), Silent(), 2)
    return folder


@pytest.fixture
def tools(built: Path, tmp_path: Path) -> Toolchain:
    subprocess.run(["cp", "-a", str(built / "prefix"), str(tmp_path / "prefix")], check=True)
    tools = toolchain_at(tmp_path / "prefix")
    for name, seconds in AGES.items():
        age(tools.prefix, name, seconds)
    return tools


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process runs on anything: looking at all of them takes the time of these tests."""
    for module in ("leases", "prune"):
        monkeypatch.setattr(f"workbench.monobase.{module}.scan", lambda _: ProcessScan())


def names(tools: Toolchain) -> list[str]:
    return [folder.name for folder in layout.generations(tools.prefix)]


def without_cache(tools: Toolchain) -> int:
    """What the prefix takes without what nothing uses, which goes first: uv's cache."""
    return measure(tools.prefix).total - freed_without(tools, [])


@pytest.mark.usefixtures("idle")
def test_no_more_goes_than_is_needed_and_the_least_recently_used_first(tools: Toolchain) -> None:
    full = without_cache(tools)
    for count, order in ((1, ["g00003"]), (3, ["g00003", "g00001", "g00002"])):
        size = full - (count - 1) * OWN - OWN // 2
        would = prune_to(tools, size, lambda _: True, dry_run=True)
        assert (sorted(would.removed), would.kept) == (sorted(order), [])
        assert would.left <= size
    size = full - OWN // 2 - OWN
    would = prune_to(tools, size, lambda _: True, dry_run=True)
    done = prune_to(tools, size, lambda _: True)
    assert (done.removed, names(tools)) == (would.removed, ["g00002", "g00004"])
    assert done.left == measure(tools.prefix).total <= size
    assert abs(done.left - would.left) <= 8 * 4096
    assert done.left == pytest.approx(on_disk(Path(tools.prefix.root)), abs=4096)
    assert verify(tools.prefix).is_whole


@pytest.mark.usefixtures("idle")
def test_what_fits_stays_as_it_is(tools: Toolchain) -> None:
    before = measure(tools.prefix).total
    assert prune_to(tools, before, lambda _: True) == PruneReport(left=before)
    assert os.path.isdir(tools.uv.cache)
    # What nothing uses is enough.
    assert prune_to(tools, before - 1, lambda _: True).removed == []
    assert (names(tools), os.path.isdir(tools.uv.cache)) == (list(AGES), False)


def test_what_is_in_use_pinned_latest_or_was_just_used_stays_whatever_the_size(tools: Toolchain) -> None:
    pin(tools.prefix, "g00002")
    age(tools.prefix, "g00001", 60)
    with leased(tools.prefix, "g00003") as child:
        found = prune_to(tools, 1, lambda _: True)
    assert found.removed == ["g00004"]
    assert dict(found.kept) == {
        "g00001": "was used 1 minutes ago: it goes 60 minutes after its last use",
        "g00002": "latest points at it",
        "g00003": f"g00003 is in use by process {child.pid} (cat)",
    }
    assert found.left > 1
    assert names(tools) == ["g00001", "g00002", "g00003"]


@pytest.mark.usefixtures("idle")
def test_only_what_may_go_goes(tools: Toolchain) -> None:
    found = prune_to(tools, 1, lambda folder: folder.name in ("g00001", "g00004"))
    # g00004 is the latest.
    assert (found.removed, dict(found.kept)) == (["g00001"], {"g00004": "latest points at it"})


@pytest.mark.thorough
def test_the_command_reports_how_much_is_left(tools: Toolchain, built: Path) -> None:
    root = tools.prefix.root
    size = f"{(without_cache(tools) - OWN // 2) // 1024}KiB"
    done = wizard("monobase", "prune", "--prefix", root, "--max-size", size, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["removed"], report["kept"]) == (0, ["g00003"], [])
    assert report["left"] == pytest.approx(measure(tools.prefix).total, abs=2 * 4096)
    # The range that is active is never touched, though it was used least recently.
    flags = ("--prefix", root, "--data", built / "data", "--min-gen-id", "4", "--max-size", "1.5MiB")
    age(tools.prefix, "g00004", 900_000)
    done = wizard("monobase", "build", *flags, python_flag())
    assert (done.returncode, names(tools)) == (0, ["g00004"]), done.stderr
    assert "removed g00001" in done.stderr
    done = wizard("monobase", "prune", "--prefix", root, "--max-size", "1MiB")
    assert (done.returncode, names(tools)) == (1, ["g00004"])
    assert " MiB are left, more than 1.0 MiB" in done.stderr and "g00004: latest points at it" in done.stderr
    assert wizard("monobase", "prune", "--prefix", root, "--max-size", "1GiB", "--gen-id", "4").returncode == 2


SIZES: Mapping[str, int] = {"200GiB": 200 * 2**30, "1.5TiB": 3 * 2**39, "7Ki": 7 * 2**10, "10 MiB": 10 * 2**20}


def test_sizes_that_a_flag_names() -> None:
    assert {text: size_argument(text) for text in SIZES} == SIZES
    for text in ("200", "200GB", "-1GiB", "x", "", "1..5GiB", "1e9GiB"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a size"):
            size_argument(text)
