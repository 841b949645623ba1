"""Two trees that differ in one respect are not the same; two that differ in none are."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.replicasets.engines.podman.trees import allocated, copy, same
from workbench.replicasets.engines.podman.trees.walking import Tree, clear
from workbench.replicasets.errors import EngineError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="not root: owners and devices cannot be made")
SECOND = 10**9


def make(root: Path) -> Path:
    """A small tree with something of every kind that every user can make."""
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("text")
    (root / "folder" / "other").write_text("other")
    (root / "link").symlink_to("file")
    (root / "second").hardlink_to(root / "file")
    os.mkfifo(root / "pipe")
    for path in (*root.rglob("*"), root):
        os.utime(path, (SECOND, SECOND), follow_symlinks=False)
    return root


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    one, other = make(tmp_path / "one"), make(tmp_path / "other")
    assert same(str(one), str(other))
    return one, other


def remade(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DIFFERENCES: dict[str, Callable[[Path], object]] = {
    "a mode": lambda root: (root / "file").chmod(0o600),
    "a setuid bit": lambda root: (root / "file").chmod(0o4644),
    "a folder's mode": lambda root: (root / "folder").chmod(0o700),
    "the root's mode": lambda root: root.chmod(0o700),
    "a time": lambda root: os.utime(root / "file", ns=(0, SECOND**2 + 1)),
    "a size": lambda root: (root / "file").write_text("text and more"),
    "a name more": lambda root: (root / "new").write_text(""),
    "a name less": lambda root: (root / "folder" / "other").unlink(),
    "a link's target": lambda root: remade(root / "link", lambda path: path.symlink_to("second")),
    "a link in the place of a file": lambda root: remade(root / "file", lambda path: path.symlink_to("second")),
    "a file in the place of a pipe": lambda root: remade(root / "pipe", lambda path: path.write_text("")),
    "a copy in the place of a hard link": lambda root: remade(root / "second", lambda path: path.write_text("text")),
    "an attribute": lambda root: os.setxattr(root / "file", "user.note", b"1"),
}
OF_ROOT: dict[str, Callable[[Path], object]] = {
    "a user": lambda root: os.chown(root / "file", 1001, -1),
    "a group": lambda root: os.chown(root / "file", -1, 42),
    "a folder's user": lambda root: os.chown(root / "folder", 1001, -1),
    "a link's user": lambda root: os.chown(root / "link", 1001, -1, follow_symlinks=False),
    "the root's group": lambda root: os.chown(root, -1, 42),
    "a mark of the overlay": lambda root: os.setxattr(root / "folder", "trusted.overlay.opaque", b"y"),
}


@pytest.mark.parametrize("difference", [*DIFFERENCES, *(pytest.param(each, marks=AS_ROOT) for each in OF_ROOT)])
def test_one_difference(difference: str, trees: tuple[Path, Path]) -> None:
    one, other = trees
    times = {path: path.lstat().st_mtime_ns for path in (*other.rglob("*"), other)}
    try:
        (DIFFERENCES | OF_ROOT)[difference](other)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("this file system has no such attributes")
    if difference != "a time":
        # Nothing but the difference itself is to tell them apart.
        for path in (*other.rglob("*"), other):
            os.utime(path, ns=(0, times.get(path, SECOND**2)), follow_symlinks=False)
    assert not same(str(one), str(other))
    assert not same(str(other), str(one))
    copy(str(one), str(other))
    assert same(str(one), str(other))


@AS_ROOT
@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK])
def test_a_devices_number(kind: int, trees: tuple[Path, Path]) -> None:
    for tree, minor in zip(trees, (3, 5), strict=True):
        os.mknod(tree / "device", kind | 0o600, os.makedev(1, minor))
        for path in (tree / "device", tree):
            os.utime(path, (SECOND, SECOND))
    assert not same(*map(str, trees))
    copy(*map(str, trees))
    assert same(*map(str, trees))
    assert (trees[1] / "device").lstat().st_rdev == os.makedev(1, 3)


@AS_ROOT
@pytest.mark.parametrize("name", ["trusted.overlay.impure", "trusted.overlay.origin", "trusted.overlay.nlink"])
def test_what_only_the_mounting_overlay_writes_is_no_difference(name: str, trees: tuple[Path, Path]) -> None:
    os.setxattr(trees[0] / "folder", name, b"y")
    assert same(*map(str, trees))


LEVELS = 1500


def deepened(root: Path, name: str) -> None:
    """Make folders in folders, with a file at the bottom that has a second name at the top."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with os.fdopen(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here), "w") as file:
        file.write("deep")
    os.link("bottom", root / "top", src_dir_fd=here)
    os.close(here)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["d", "d" * 255], ids=["short", "long"])
def test_a_tree_of_any_depth_is_compared_copied_and_removed(name: str, trees: tuple[Path, Path]) -> None:
    one, other = trees
    deepened(one, name)
    open_before = len(os.listdir("/proc/self/fd"))
    assert not same(str(one), str(other))
    copy(str(one), str(other))
    assert same(str(one), str(other))
    assert (other / "top").read_text() == "deep" and (other / "top").stat().st_nlink == 2
    (other / "top").write_text("else")
    assert not same(str(one), str(other))
    for tree in trees:
        clear(str(tree))
        assert os.listdir(tree) == []
    assert len(os.listdir("/proc/self/fd")) <= open_before


def test_holes_stay_holes_and_are_not_counted(trees: tuple[Path, Path]) -> None:
    with (trees[0] / "sparse").open("wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 29)
        file.write(b"x" * 4096)
    copy(*map(str, trees))
    found = (trees[1] / "sparse").stat()
    assert (found.st_size, found.st_blocks * 512 < 1 << 20) == (1 << 30, True)
    with (trees[1] / "sparse").open("rb") as file:
        file.seek((1 << 29) - 1)
        assert file.read(4098) == b"\0" + b"x" * 4096 + b"\0"
    assert allocated(str(trees[1])) < 1 << 20


@pytest.mark.parametrize("entry", ["folder", "file"])
def test_a_link_put_in_the_place_of_an_entry_is_never_followed(
    entry: str, trees: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, original, inode = tmp_path / "outside", os.stat, trees[0].stat().st_ino
    outside.mkdir()
    (outside / "secret").write_text("somebody else's")

    def swapped(path: str, **given: Any) -> os.stat_result:  # noqa: ANN401
        found = original(path, **given)
        if path == entry and original(given["dir_fd"]).st_ino == inode:
            (trees[0] / entry).rename(tmp_path / "away")
            (trees[0] / entry).symlink_to(outside / ("" if entry == "folder" else "secret"))
        return found

    monkeypatch.setattr(os, "stat", swapped)
    with pytest.raises(EngineError, match="could not be copied"):
        copy(*map(str, trees))
    assert "secret" not in {path.name for path in trees[1].rglob("*")}


def test_a_folder_that_is_moved_away_is_not_left_upwards(tmp_path: Path) -> None:
    for path in ("tree/" + "d/" * 70, "elsewhere"):
        (tmp_path / path).mkdir(parents=True)
    with Tree(str(tmp_path / "tree")) as tree:
        for _ in range(70):
            tree.down("d")
        (tmp_path / "tree/d/d/d").rename(tmp_path / "elsewhere/d")
        with pytest.raises(OSError, match="was moved"):
            for _ in range(70):
                tree.up()
