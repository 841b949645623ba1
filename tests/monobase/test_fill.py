from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.monobase.wheels import MINOR, Index, this_python, toolchain_at, write_generation
from workbench.errors import UsageError, WorkbenchError
from workbench.monobase import layout
from workbench.monobase.fill import BUILT, FAILED, SKIPPED, UP_TO_DATE, EnvironmentOutcome, FillRequest, fill
from workbench.monobase.generation import Environment, load_all
from workbench.monobase.install import Toolchain
from workbench.monobase.select import active, is_outside, mini, no_cuda


class Quiet:
    """A FillWatcher that records its events."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[EnvironmentOutcome] = []

    def begin(self, generation: str, environment: str) -> None:
        self.begun.append(f"{generation}/{environment}")

    def end(self, outcome: EnvironmentOutcome) -> None:
        self.ended.append(outcome)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two generations of two stacks; the second has one package bumped."""
    index = Index(tmp_path / "index")
    pins = [index.add("aa"), index.add("bb"), index.add("aa", "2.0")]
    for number, first in ((1, pins[0]), (2, pins[2])):
        locks = {
            "one": index.lock(tmp_path / f"{number}-one.txt", first),
            "two": index.lock(tmp_path / f"{number}-two.txt", first, pins[1]),
        }
        write_generation(tmp_path / "data", number, locks)
    return tmp_path / "data"


@pytest.fixture
def tools(tmp_path: Path) -> Toolchain:
    return toolchain_at(tmp_path / "prefix")


def order(data: Path, least: int | None = None, most: int | None = None) -> FillRequest:
    return FillRequest(active(data, least, most), {MINOR: this_python()}, {})


def ended(outcomes: list[EnvironmentOutcome]) -> Mapping[str, str]:
    return {f"{one.generation}/{one.environment.partition('-')[2]}": one.status for one in outcomes}


def latest(tools: Toolchain) -> str | None:
    return layout.latest_name(tools.prefix.latest)


def test_all_generations_are_made_and_latest_is_the_newest(data: Path, tools: Toolchain) -> None:
    watcher = Quiet()
    outcomes = fill(tools, order(data), watcher, 2)
    wanted = ["g00002/one", "g00002/two", "g00001/one", "g00001/two"]
    assert ended(outcomes) == dict.fromkeys(wanted, BUILT)
    assert sorted(watcher.begun) == sorted(f"{one.generation}/{one.environment}" for one in watcher.ended)
    assert latest(tools) == "g00002"
    again = fill(tools, order(data), Quiet(), 2)
    assert ended(again) == dict.fromkeys(wanted, UP_TO_DATE)
    for generation in load_all(data):
        done = layout.read_done(tools.prefix.generation(generation.name))
        assert done is not None and done.digest == generation.digest and done.skipped == {}
        assert set(done.environments) == {one.name for one in generation.environments}


def test_one_that_fails_keeps_no_other_from_being_made(data: Path, tools: Toolchain, tmp_path: Path) -> None:
    fill(tools, order(data, 1, 1), Quiet(), 2)
    (tmp_path / "index" / "bb-1.0-py3-none-any.whl").unlink()
    (tmp_path / "index" / "aa-2.0-py3-none-any.whl").rename(tmp_path / "aside")
    outcomes = fill(tools, order(data), Quiet(), 2)
    assert ended(outcomes) == {
        "g00002/one": FAILED,
        "g00002/two": FAILED,
        "g00001/one": UP_TO_DATE,
        "g00001/two": UP_TO_DATE,
    }
    assert all("aa" in one.reason for one in outcomes if one.status == FAILED)
    assert latest(tools) == "g00001"
    assert layout.read_done(tools.prefix.generation("g00002")) is None
    (tmp_path / "aside").rename(tmp_path / "index" / "aa-2.0-py3-none-any.whl")
    assert BUILT in ended(fill(tools, order(data), Quiet(), 2)).values()
    assert latest(tools) == "g00002"


def test_a_python_that_is_missing_keeps_its_generation_from_being_ready(data: Path, tools: Toolchain) -> None:
    missing = FillRequest(active(data, None, None), {}, {MINOR: "no Python here"})
    outcomes = fill(tools, missing, Quiet(), 2)
    assert {(one.status, one.reason) for one in outcomes} == {(FAILED, "no Python here")}
    assert latest(tools) is None


def test_unless_conflicts_are_allowed(data: Path, tools: Toolchain, tmp_path: Path) -> None:
    locks = {"one": str(data / f"requirements/g00001/python{MINOR}-one.txt")}
    write_generation(data, 3, locks, pythons=(MINOR, "3.99"))
    some = FillRequest(active(data, 3, 3), {MINOR: this_python()}, {"3.99": "no Python 3.99"}, skip_missing=True)
    assert {one.environment: one.status for one in fill(tools, some, Quiet(), 2)} == {
        f"python{MINOR}-one": BUILT,
        "python3.99-one": SKIPPED,
    }
    done = layout.read_done(tools.prefix.generation("g00003"))
    assert done is not None and done.skipped == {"python3.99-one": "no Python 3.99"}
    assert latest(tools) == "g00003"


def test_latest_stays_in_the_range_and_never_points_at_nothing(data: Path, tools: Toolchain) -> None:
    fill(tools, order(data), Quiet(), 2)
    fill(tools, order(data, 1, 1), Quiet(), 2)
    assert latest(tools) == "g00001"
    os.unlink(tools.prefix.latest)
    os.symlink("g00009", tools.prefix.latest)
    fill(tools, order(data), Quiet(), 2)
    assert latest(tools) == "g00002"


def test_a_generation_that_was_built_from_other_data_is_refused(data: Path, tools: Toolchain, tmp_path: Path) -> None:
    fill(tools, order(data), Quiet(), 2)
    before = os.stat(tools.prefix.generation("g00001")).st_mtime_ns
    index = Index(tmp_path / "index")
    lock = index.lock(tmp_path / "other.txt", index.add("cc"))
    write_generation(data, 1, {"one": lock, "two": lock})
    with pytest.raises(WorkbenchError) as error:
        fill(tools, order(data), Quiet(), 2)
    assert error.value.message.startswith("g00001 was built as sha256:")
    assert os.stat(tools.prefix.generation("g00001")).st_mtime_ns == before


def test_what_another_build_left_out_is_made_later(data: Path, tools: Toolchain) -> None:
    generations = active(data, 2, 2)
    part = FillRequest(generations, {MINOR: this_python()}, {}, lambda one: "not now" if one.stack == "two" else "")
    assert ended(fill(tools, part, Quiet(), 2)) == {"g00002/one": BUILT, "g00002/two": SKIPPED}
    assert ended(fill(tools, order(data, 2, 2), Quiet(), 2)) == {"g00002/one": UP_TO_DATE, "g00002/two": BUILT}
    done = layout.read_done(tools.prefix.generation("g00002"))
    assert done is not None and done.skipped == {}


def environment(torch: str = "", cuda: str = "", stack: str = "", python: str = "3.12") -> Environment:
    return Environment(f"python{python}-{torch}{cuda}{stack}", python, "", torch, cuda, "", stack, Path("x"))


def test_a_range_without_a_generation(data: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        active(data, 7, None)
    assert (error.value.message, error.value.hint) == ("no generation is in that range", "available: 1, 2")


def test_what_is_outside_of_a_range() -> None:
    old = is_outside(2, 3)
    names = ("g00001", "g00002", "g00003", "g00004", "cog-g0123abcd")
    assert [name for name in names if old(layout.GenerationFolder(name, ""))] == ["g00001", "g00004", "cog-g0123abcd"]


def test_a_node_without_gpus() -> None:
    assert no_cuda(environment(torch="2.10.0", cuda="12.8"))
    assert not no_cuda(environment(torch="2.10.0"))


def test_mini_is_one_environment(data: Path) -> None:
    generations = active(data, None, None)
    newest, unwanted = mini(generations, {"R8_PYTHON_VERSION": MINOR})
    assert [one.name for one in newest] == ["g00002"]
    assert all(unwanted(one) for one in newest[0].environments)
    with pytest.raises(UsageError, match="--mini needs R8_PYTHON_VERSION"):
        mini(generations, {})
    with pytest.raises(WorkbenchError) as error:
        mini(generations, {"R8_PYTHON_VERSION": MINOR, "R8_TORCH_VERSION": "9.9"})
    assert error.value.message == (f"R8_PYTHON_VERSION={MINOR}, R8_TORCH_VERSION=9.9 matches 0 environments of g00002")
    assert error.value.hint == f"available: python{MINOR}-one, python{MINOR}-two"
