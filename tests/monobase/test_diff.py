from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.wheels import MINOR, Index, python_flag, write_generation
from workbench.monobase.diff import GenerationDiff, PackageChange, diff
from workbench.monobase.generation import load
from workbench.monobase.prefix import Prefix


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two generations: a stack that goes, one that comes, one in which packages change, go and come."""
    index = Index(tmp_path / "index")
    old = [index.add("same"), index.add("bumped", "1.0"), index.add("gone")]
    new = [old[0], index.add("bumped", "2.0", {"bumped/__init__.py": "VERSION = 'two'\n"}), index.add("come")]
    lines = {1: old, 2: new}
    for number, extra in ((1, "before"), (2, "after")):
        locks = {stack: _lock(tmp_path / f"{number}{stack}.txt", lines[number]) for stack in ("both", "more", extra)}
        write_generation(tmp_path / "data", number, locks)
    return tmp_path / "data"


def _lock(path: Path, lines: list[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_each_change_once_with_the_environments_that_it_is_in(data: Path) -> None:
    both = (f"python{MINOR}-both", f"python{MINOR}-more")
    expected = GenerationDiff(
        added=(f"python{MINOR}-after",),
        removed=(f"python{MINOR}-before",),
        changes=(
            PackageChange("bumped", "1.0", "2.0", both),
            PackageChange("come", "", "1.0", both),
            PackageChange("gone", "1.0", "", both),
        ),
        common=2,
    )
    first, second = load(data, "g00001"), load(data, "g00002")
    assert diff(first, second) == expected
    back = diff(second, first)
    assert (back.added, back.removed) == (expected.removed, expected.added)
    assert {(change.package, change.new, change.old) for change in back.changes} == {
        (change.package, change.old, change.new) for change in expected.changes
    }
    assert diff(first, first) == GenerationDiff((), (), (), 3)


def test_what_is_printed(data: Path) -> None:
    done = wizard("monobase", "diff", "1", "2", "--data", data, "--prefix", data)
    assert done.stdout.splitlines() == [
        f"- python{MINOR}-before",
        f"+ python{MINOR}-after",
        "package  old  new  in",
        "bumped   1.0  2.0  all environments",
        "come     -    1.0  all environments",
        "gone     1.0  -    all environments",
        f"bytes: not both are built below {data}",
    ]
    summary = wizard("monobase", "diff", "1", "2", "--data", data, "--prefix", data, "--summary")
    assert summary.stdout.splitlines()[2:-1] == [
        "package  change",
        "bumped   1.0 -> 2.0",
        "come     - -> 1.0",
        "gone     1.0 -> -",
    ]
    assert wizard("monobase", "diff", "1", "9", "--data", data).returncode == 1
    assert wizard("monobase", "diff", "1", "../x", "--data", data).returncode == 2


def test_the_bytes_are_those_of_files_that_one_of_them_has_alone(data: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    given = {"UV_FIND_LINKS": f"{tmp_path}/index", "UV_OFFLINE": "1"}
    done = wizard("monobase", "build", "--offline", "--prefix", prefix, "--data", data, python_flag(), env=given)
    assert done.returncode == 0, done.stderr
    old, new = (_inodes(prefix / "monobase" / name) for name in ("g00001", "g00002"))
    report = json.loads(wizard("monobase", "diff", "1", "2", "--data", data, "--prefix", prefix, "--json").stdout)
    assert report["bytes_added"] == sum(new[inode] for inode in new.keys() - old.keys()) > 0
    assert report["bytes_removed"] == sum(old[inode] for inode in old.keys() - new.keys()) > 0
    found = diff(load(data, "g00001"), load(data, "g00001"), Prefix.at(str(prefix)))
    assert (found.bytes_added, found.bytes_removed) == (0, 0)


def _inodes(folder: Path) -> dict[int, int]:
    """The size of every file of the environments of a generation by its inode, markers left out."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.name != ".done"]
    return {os.stat(path).st_ino: os.stat(path).st_size for path in paths}
