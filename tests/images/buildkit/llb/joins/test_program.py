from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from tests.images.buildkit.llb.joins import trees
from tests.images.buildkit.llb.joins.trees import FOLDER, Node, Tree
from workbench.images.buildkit.llb.joins import report
from workbench.images.buildkit.llb.joins.program import join

PROGRAM = Path(join.__file__).parent
# What the shell's way needs; with these alone on the path there is no Python.
TOOLS = """
    awk chmod chown cmp cpio find grep mkdir readlink rm sed sh sort stat tar touch tr xargs
"""
WAYS = ("python", "busybox", "gnu")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: files of other users are made")
fuzz = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Folders of programs without Python: those of busybox, and this machine's."""
    made = {"busybox": tmp_path_factory.mktemp("busybox"), "gnu": tmp_path_factory.mktemp("gnu")}
    for tool in TOOLS.split():
        if busybox := shutil.which("busybox"):
            (made["busybox"] / tool).symlink_to(busybox)
        (made["gnu"] / tool).symlink_to(shutil.which(tool) or f"/no/{tool}")
    return made


def joined(
    way: str, shells: Mapping[str, Path], folder: Path, base: Tree, branches: Sequence[Tree], mode: str
) -> bytes:
    """Join the branches in `folder`, the result being in `0`, and return the report."""
    trees.cleared(folder)
    (folder / "report").mkdir()
    trees.lay(base, folder / "base")
    arguments = [mode, str(folder / "report")]
    for number, branch in enumerate(branches):
        arguments += [str(folder / "base"), str(trees.lay(branch, folder / str(number)))]
    run(way, shells, folder, arguments)
    return (folder / "report/conflicts").read_bytes()


def run(way: str, shells: Mapping[str, Path], folder: Path, arguments: list[str]) -> str:
    if way == "python":
        command, path = [sys.executable, "-IS", str(PROGRAM / "join.py")], "/nowhere"
    else:
        if not (shells[way] / "sh").exists():
            pytest.skip("busybox not installed")
        command, path = [str(shells[way] / "sh"), str(PROGRAM / "join.sh")], str(shells[way])
    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        env={"PATH": path, "TMPDIR": str(folder), "JOIN_PYTHONS": ""},
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout.decode(errors="surrogateescape")


def reported(data: bytes) -> set[tuple[int, int, str]]:
    count, found = report.read(data)
    assert count == len(found)
    return {(one.first, one.second, one.path) for one in found}


# What generated cases have found.
INHERITED = {"a": FOLDER, "a/a": Node("folder", 0o2775)}


@pytest.mark.parametrize("way", WAYS)
@fuzz
@example((INHERITED, [INHERITED, {**INHERITED, "a/a/a": Node("folder", 0o700)}]))
@given(case=trees.forks())
def test_the_tree_is_what_merging_gives(
    way: str, shells: Mapping[str, Path], tmp_path: Path, case: tuple[Tree, list[Tree]]
) -> None:
    base, branches = case
    found = joined(way, shells, tmp_path / "join", base, branches, "apply")
    assert trees.timeless(trees.read(tmp_path / "join/0")) == trees.timeless(trees.merged(base, branches))
    assert reported(found) == trees.clashing(base, branches)


@fuzz
@given(case=trees.forks())
def test_without_a_conflict_the_order_makes_no_difference(
    shells: Mapping[str, Path], tmp_path: Path, case: tuple[Tree, list[Tree]]
) -> None:
    base, branches = case
    assume(not trees.clashing(base, branches))
    joined("python", shells, tmp_path / "join", base, branches, "apply")
    result = trees.read(tmp_path / "join/0")
    joined("python", shells, tmp_path / "join", base, branches[::-1], "apply")
    assert trees.timeless(trees.read(tmp_path / "join/0")) == trees.timeless(result)


def test_comparing_changes_nothing(shells: Mapping[str, Path], tmp_path: Path) -> None:
    for way in WAYS:
        found = joined(way, shells, tmp_path / "join", {}, [{"a": Node("file")}, {"a": Node("folder")}], "compare")
        assert found == b"1\n0,1 /a\n"
        assert trees.read(tmp_path / "join/0") == {"a": Node("file")}
        assert trees.read(tmp_path / "join/1") == {"a": Node("folder")}


def test_times_are_those_of_the_branches(shells: Mapping[str, Path], tmp_path: Path) -> None:
    base = {"d": FOLDER, "e": FOLDER, "e/x": Node("file", time=5)}
    one = {**base, "d": replace(FOLDER, time=6), "d/y": Node("file", time=7)}
    other = {
        **base,
        "e": replace(FOLDER, time=8),
        "e/z": Node("file", time=9),
        "e/l": Node("link", 0o777, content=b"x", time=4),
    }
    for way in WAYS:
        joined(way, shells, tmp_path / "join", base, [one, other], "apply")
        result = trees.read(tmp_path / "join/0")
        result["e/l"] = replace(result["e/l"], time=4) if way == "busybox" else result["e/l"]
        assert result == {**one, **other, "d": one["d"], "d/y": one["d/y"]}


def test_a_change_that_no_size_and_no_time_shows_is_found(shells: Mapping[str, Path], tmp_path: Path) -> None:
    base = {"a": Node("file", content=b"1"), "b": Node("link", 0o777, content=b"1")}
    other = {"a": Node("file", content=b"2"), "b": Node("link", 0o777, content=b"2")}
    for way in WAYS:
        joined(way, shells, tmp_path / "join", base, [{**base, "c": FOLDER}, other], "apply")
        assert trees.timeless(trees.read(tmp_path / "join/0")) == trees.timeless({**other, "c": FOLDER})


def test_nothing_is_written_through_a_link(shells: Mapping[str, Path], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    base = {"d": FOLDER, "d/old": Node("file")}
    one = {"d": Node("link", 0o777, content=os.fsencode(outside))}
    other = {"d": FOLDER, "d/new": Node("file")}
    for way in WAYS:
        trees.cleared(outside)
        (outside / "old").touch()
        found = joined(way, shells, tmp_path / "join", base, [one, other], "apply")
        assert trees.timeless(trees.read(tmp_path / "join/0")) == trees.timeless(other)
        assert reported(found) == {(0, 1, "/d/new")}
        assert [one.name for one in outside.iterdir()] == ["old"]


def test_files_with_several_names_stay_one(shells: Mapping[str, Path], tmp_path: Path) -> None:
    for way in WAYS:
        folder = trees.cleared(tmp_path / "join")
        for name in ("base", "0", "1", "report"):
            (folder / name).mkdir()
        (folder / "1/a").write_text("text")
        (folder / "1/b").hardlink_to(folder / "1/a")
        run(way, shells, folder, ["apply", f"{folder}/report", *both(folder)])
        assert os.path.samefile(folder / "0/a", folder / "0/b")


def test_extended_attributes_are_kept(shells: Mapping[str, Path], tmp_path: Path) -> None:
    for way in ("python", "gnu"):
        folder = trees.cleared(tmp_path / "join")
        for name in ("base", "0", "1", "report"):
            (folder / name).mkdir()
        (folder / "1/a").write_text("text")
        try:
            os.setxattr(folder / "1/a", "user.test", b"value")
        except OSError:
            pytest.skip("the file system has no extended attributes for users")
        run(way, shells, folder, ["apply", f"{folder}/report", *both(folder)])
        assert os.getxattr(folder / "0/a", "user.test") == b"value"


def test_names_with_a_newline_take_python(shells: Mapping[str, Path], tmp_path: Path) -> None:
    case = [{"a\n0,1 b": Node("file")}, {"a\n0,1 b": Node("link", 0o777, content=b"x")}]
    assert reported(joined("python", shells, tmp_path / "join", {}, case, "apply")) == {(0, 1, "/a\n0,1 b")}
    assert trees.timeless(trees.read(tmp_path / "join/0")) == trees.timeless(case[1])
    for way in ("busybox", "gnu"):
        with pytest.raises(AssertionError, match="a name with a newline, which takes a Python in the base"):
            joined(way, shells, tmp_path / "join", {}, case, "apply")
        assert trees.read(tmp_path / "join/0") == case[0]


def test_what_is_lacking_is_named(shells: Mapping[str, Path], tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for tool in ("sh", "grep", "tar", "sort"):
        (few / tool).symlink_to((shells["gnu"] / tool).resolve())
    lacking = "awk chmod chown cmp find mkdir readlink rm sed stat touch tr xargs"
    with pytest.raises(AssertionError, match=f"no Python from 3.7 on, and without it lacks {lacking}\n"):
        run("few", {"few": few}, tmp_path, ["apply"])


def test_more_conflicts_than_can_be_read_are_counted(shells: Mapping[str, Path], tmp_path: Path) -> None:
    one = {f"{number:04}": Node("file", content=b"1") for number in range(join.NAMED + 5)}
    other = {path: Node("file", 0o600, content=b"1") for path in one}
    for way in ("python", "busybox"):
        count, found = report.read(joined(way, shells, tmp_path / "join", {}, [one, other], "compare"))
        assert (count, len(found)) == (join.NAMED + 5, join.NAMED)
        assert found[0] == report.JoinConflict(0, 1, "/0000")


def both(folder: Path) -> list[str]:
    return [f"{folder}/base", f"{folder}/0", f"{folder}/base", f"{folder}/1"]
