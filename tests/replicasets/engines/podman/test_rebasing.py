"""What was changed on one image comes on the next: real overlays, mounted by the kernel, before and after."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chance import chance
from workbench.replicasets.engines.podman.trees import overlaps, rebase
from workbench.replicasets.engines.podman.trees.walking import clear
from workbench.replicasets.errors import EngineError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root: no overlay can be mounted")
SITE = "lib/python3.11/site-packages"


class Images:
    """Two images of two layers each, of which the lower is one; and a container of the old one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("base", "old", "new", "upper", "target", "work", "merged"):
            (root / name).mkdir()

    def layers(self, image: str) -> list[str]:
        return [str(self.root / image), str(self.root / "base")]

    @contextmanager
    def mounted(self, image: str, upper: str) -> Iterator[Path]:
        """The disk of a container as it sees it."""
        merged, lower = self.root / "merged", ":".join(self.layers(image))
        shutil.rmtree(self.root / "work")
        (self.root / "work").mkdir()
        options = f"lowerdir={lower},upperdir={self.root / upper},workdir={self.root / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
        try:
            yield merged
        finally:
            subprocess.run(["umount", merged], check=True)

    def overlaps(self, key: str = "packages") -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str, str]]]:
        old, new = (json.dumps(self.layers(each)) for each in ("old", "new"))
        found = overlaps(str(self.root / "upper"), old, new)
        paths = [(each["path"], each["mine"], each["image"]) for each in found["paths"]]
        return paths, [(each["name"], each["was"], each["mine"], each["now"]) for each in found[key]]

    def rebased(self, keep: str) -> dict[str, str]:
        """Rebase twice, as the last time is that of a set that has ended; return what a container then sees."""
        for _ in range(2):
            old, new = (json.dumps(self.layers(each)) for each in ("old", "new"))
            rebase(str(self.root / "upper"), str(self.root / "target"), old, new, keep)
        with self.mounted("new", "target") as merged:
            return seen(merged)


def seen(root: Path) -> dict[str, str]:
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        mode = f" {stat.S_IMODE(status.st_mode):o}" if stat.S_IMODE(status.st_mode) not in (0o644, 0o755, 0o777) else ""
        assert not stat.S_ISCHR(status.st_mode), f"{path} is a mark of the overlay that is seen"
        if path.is_symlink():
            found[str(path.relative_to(root))] = f"-> {os.readlink(path)}{mode}"
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_text() + mode
        elif mode or not any(path.iterdir()):
            found[str(path.relative_to(root))] = f"folder{mode}"
    return found


@pytest.fixture
def images(tmp_path: Path) -> Images:
    made = Images(tmp_path)
    write(tmp_path / "base", {"etc/both": "base", "etc/shared": "base", "opt/tool/a": "base", "opt/tool/b": "base"})
    write(tmp_path / "old", {"etc/one": "old", "etc/gone": "old", "opt/app/x": "old", "opt/app/y": "old"})
    write(tmp_path / "new", {"etc/one": "new", "etc/fresh": "new", "opt/app/x": "new", "opt/app/y": "old"})
    return made


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def package(root: Path, name: str, version: str, *modules: str) -> None:
    """Install a package as pip does, compiled files too."""
    files = {f"{SITE}/{name}/{module}.py": f"{name} {version} {module}" for module in ("__init__", *modules)}
    files |= {f"{SITE}/{name}/__pycache__/{module}.cpython-311.pyc": version for module in ("__init__", *modules)}
    files[f"bin/{name}"] = f"{name} {version}"
    info = f"{SITE}/{name}-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Version: {version}"
    listed = [os.path.relpath(each, SITE) for each in files if not each.endswith(".pyc")]
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*listed, os.path.relpath(f"{info}/RECORD", SITE)))
    write(root, files)


def uninstall(root: Path, name: str, version: str) -> None:
    shutil.rmtree(root / SITE / name)
    shutil.rmtree(root / SITE / f"{name}-{version}.dist-info")
    (root / "bin" / name).unlink()


def test_what_one_side_changed_is_taken(images: Images) -> None:
    with images.mounted("old", "upper") as disk:
        (disk / "etc/shared").write_text("mine")
        (disk / "opt/tool/b").unlink()
        (disk / "etc/gone").write_text("mine, of what the image no longer has")
        write(disk, {"home/notes": "mine", "opt/app/z": "mine"})
        os.symlink("/nowhere", disk / "etc/link")
        (disk / "opt/app/y").unlink()
    (images.root / "new/opt/app").chmod(0o750)
    assert images.overlaps() == ([], [])
    assert images.rebased("") == {
        "etc/both": "base",
        "etc/fresh": "new",
        "etc/gone": "mine, of what the image no longer has",
        "etc/link": "-> /nowhere",
        "etc/one": "new",
        "etc/shared": "mine",
        "home/notes": "mine",
        "opt/app": "folder 750",
        "opt/app/x": "new",
        "opt/app/z": "mine",
        "opt/tool/a": "base",
    }


def file_of_both(disk: Path) -> None:
    (disk / "etc/one").write_text("mine")


def removed_by_me(disk: Path) -> None:
    (disk / "etc/one").unlink()


def added_by_both(disk: Path) -> None:
    (disk / "etc/fresh").write_text("mine")


def folder_made_anew(disk: Path) -> None:
    shutil.rmtree(disk / "opt/app")
    write(disk, {"opt/app/x": "mine"})


def folder_removed(disk: Path) -> None:
    shutil.rmtree(disk / "opt/app")


def folder_for_a_file(disk: Path) -> None:
    (disk / "etc/one").unlink()
    write(disk, {"etc/one/inside": "mine"})


def the_same_as_the_image(disk: Path) -> None:
    (disk / "etc/one").write_text("new")


def a_mode(disk: Path) -> None:
    (disk / "etc/one").chmod(0o600)


BOTH: dict[Callable[[Path], None], tuple[list[tuple[str, str, str]], dict[str, str | None]]] = {
    file_of_both: ([("/etc/one", "changed", "changed")], {"etc/one": "mine", "etc/one.image": "new"}),
    removed_by_me: ([("/etc/one", "removed", "changed")], {"etc/one": None}),
    added_by_both: ([("/etc/fresh", "added", "added")], {"etc/fresh": "mine", "etc/fresh.image": "new"}),
    folder_made_anew: ([("/opt/app", "changed", "changed")], {"opt/app/x": "mine", "opt/app/y": None}),
    folder_removed: ([("/opt/app", "removed", "changed")], {"opt/app/x": None, "opt/app/y": None}),
    folder_for_a_file: ([("/etc/one", "changed", "changed")], {"etc/one": None, "etc/one/inside": "mine"}),
    the_same_as_the_image: ([], {"etc/one": "new"}),
    a_mode: ([("/etc/one", "changed", "changed")], {"etc/one": "old 600", "etc/one.image": "new"}),
}
AS_IMAGE = {"etc/one": "new", "etc/fresh": "new", "opt/app/x": "new", "opt/app/y": "old"}


@pytest.mark.parametrize("change", BOTH, ids=lambda change: change.__name__)
def test_what_both_changed_is_what_was_chosen(images: Images, change: Callable[[Path], None]) -> None:
    paths, mine = BOTH[change]
    with images.mounted("old", "upper") as disk:
        change(disk)
    assert images.overlaps() == (paths, [])
    if paths:
        with pytest.raises(EngineError, match="both changed something"):
            images.rebased("")
    found = images.rebased("mine")
    assert {path: found.get(path) for path in mine} == mine
    found = images.rebased("image")
    assert {path: found.get(path) for path in AS_IMAGE} == AS_IMAGE
    assert not [path for path in found if path.endswith(".image")]


@pytest.mark.parametrize(("line", "paths"), [("1001:x:1001:1001", 0), ("lab:x:1001:", 1), ("1:x:1:\nlab:x:2:", 1)])
def test_what_podman_adds_to_lists_of_users_is_no_change(images: Images, line: str, paths: int) -> None:
    write(images.root / "old", {"etc/group": "root:x:0:\n"})
    write(images.root / "new", {"etc/group": "root:x:0:\nmore:x:1:\n"})
    with images.mounted("old", "upper") as disk:
        (disk / "etc/group").write_text(f"root:x:0:\n{line}\n")
    assert len(images.overlaps()[0]) == paths
    assert images.rebased("mine")["etc/group"].startswith("root:x:0:\nmore" if not paths else f"root:x:0:\n{line}")


def test_packages_go_together(images: Images) -> None:
    for image, numbers in {"old": "1111", "new": "2221"}.items():
        for name, version in zip(("plain", "both", "equal", "own"), numbers, strict=True):
            package(images.root / image, name, version, f"only{version}")
    with images.mounted("old", "upper") as disk:
        for name, version in {"both": "3", "equal": "2", "own": "3"}.items():
            uninstall(disk, name, "1")
            package(disk, name, version, f"only{version}")
        package(disk, "extra", "1")
    assert images.overlaps() == ([], [("both", "1", "3", "2")])
    assert images.overlaps("shadowed") == ([], [("own", "1", "3", "1")])

    def versions(found: dict[str, str]) -> dict[str, str]:
        infos = [Path(path).parent.name for path in found if path.endswith(".dist-info/METADATA")]
        return dict(info.removesuffix(".dist-info").split("-") for info in infos)

    def modules(found: dict[str, str], name: str) -> list[str]:
        return sorted(Path(path).name for path in found if path.startswith(f"{SITE}/{name}/"))

    mine = images.rebased("mine")
    assert versions(mine) == {"plain": "2", "both": "3", "equal": "2", "own": "3", "extra": "1"}
    assert mine["bin/both"] == "both 3"
    init, three = "__init__", "only3"
    compiled = [f"{each}.cpython-311.pyc" for each in (init, three)]
    assert modules(mine, "both") == sorted([f"{init}.py", f"{three}.py", *compiled])
    of_image = images.rebased("image")
    assert versions(of_image) == {"plain": "2", "both": "2", "equal": "2", "own": "3", "extra": "1"}
    assert of_image["bin/both"] == "both 2"
    whole = {path: text for path, text in of_image.items() if f"{SITE}/both" in path}
    (images.root / "target").rename(images.root / "kept")
    (images.root / "target").mkdir()
    with images.mounted("new", "target") as disk:
        assert whole == {path: text for path, text in seen(disk).items() if f"{SITE}/both" in path}


def test_a_source_that_is_kept_is_not_run_as_the_image_compiled_it(images: Images) -> None:
    package(images.root / "old", "tool", "1")
    package(images.root / "new", "tool", "2")
    with images.mounted("old", "upper") as disk:
        (disk / SITE / "tool/__init__.py").write_text("mine")
    assert images.overlaps() == ([(f"/{SITE}/tool/__init__.py", "changed", "changed")], [])
    found = images.rebased("mine")
    assert found[f"{SITE}/tool/__init__.py"] == "mine"
    assert f"{SITE}/tool/__pycache__/__init__.cpython-311.pyc" not in found
    found = images.rebased("image")
    assert found[f"{SITE}/tool/__pycache__/__init__.cpython-311.pyc"] == "2"


@pytest.mark.parametrize("name", ["trusted.overlay.redirect", "trusted.overlay.metacopy"])
def test_what_is_kept_in_the_old_image_is_refused(images: Images, name: str) -> None:
    write(images.root / "upper", {"etc/half": ""})
    os.setxattr(images.root / "upper/etc/half", name, b"/other")
    with pytest.raises(EngineError, match="/etc/half is kept in part in the old image"):
        images.overlaps()


def test_a_disk_of_any_depth_is_refused(images: Images) -> None:
    at = os.open(images.root / "upper", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("abc", dir_fd=at)
        inner = os.open("abc", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    with pytest.raises(EngineError, match="a path of more than 4,095 bytes"):
        images.overlaps()
    clear(str(images.root / "upper"))


@pytest.mark.parametrize("record", ["x" * 200_000, "a\0b,,\n", '"half', "/etc/passwd,,\n../../../../../x,,\n"])
def test_a_list_of_files_that_is_none(images: Images, record: str) -> None:
    package(images.root / "old", "tool", "1")
    package(images.root / "new", "tool", "2")
    with images.mounted("old", "upper") as disk:
        uninstall(disk, "tool", "1")
        package(disk, "tool", "3")
        (disk / SITE / "tool-3.dist-info/RECORD").write_text(record)
    assert images.overlaps() == ([], [("tool", "1", "3", "2")])
    assert images.rebased("mine")[f"{SITE}/tool/__init__.py"] == "tool 3 __init__"


def test_a_list_of_files_leads_nowhere_else(images: Images) -> None:
    package(images.root / "old", "tool", "1")
    package(images.root / "new", "tool", "2")
    with images.mounted("old", "upper") as disk:
        uninstall(disk, "tool", "1")
        package(disk, "tool", "3")
        record = disk / SITE / "tool-3.dist-info/RECORD"
        record.write_text(record.read_text() + "../../../../outside,,\n/etc/both,,\n")
    (images.root / "outside").write_text("kept")
    assert images.rebased("image")["etc/both"] == "base"
    assert (images.root / "outside").read_text() == "kept"


def shuffled(root: Path, drawn: random.Random, count: int) -> None:
    """Write, change and remove files below `root`; folders stay, and have other names than files."""
    for _ in range(count):
        path = root / "/".join([*drawn.choices("xy", k=drawn.randint(0, 2)), drawn.choice("abc")])
        if path.is_file() and drawn.random() < 0.4:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(drawn.randrange(3)))
            path.chmod(drawn.choice((0o644, 0o600)))


def files(root: Path) -> dict[str, str]:
    """Every file below `root`: its mode and what is in it."""
    found = {path for path in root.rglob("*") if path.is_file()}
    return {str(path.relative_to(root)): f"{path.stat().st_mode:o} {path.read_text()}" for path in found}


def merged_by_rule(old: dict[str, str], mine: dict[str, str], new: dict[str, str], keep: str) -> dict[str, str]:
    """What is to come of files, path by path."""
    found = {}
    for path in old.keys() | mine.keys() | new.keys():
        was, own, now = (each.get(path) for each in (old, mine, new))
        if own == was:
            stands = now
        elif now in (was, own) or keep == "mine" or now is None:
            stands = own
        else:
            stands = now
        if stands is not None:
            found[path] = stands
    return found


def one_merge(folder: Path, drawn: random.Random, keep: str) -> None:
    folder.mkdir()
    images = Images(folder)
    for name, count in (("base", 12), ("old", 6), ("new", 6)):
        shuffled(folder / name, drawn, count)
    with images.mounted("old", "target") as disk:
        old = files(disk)
    with images.mounted("new", "target") as disk:
        new = files(disk)
    with images.mounted("old", "upper") as disk:
        shuffled(disk, drawn, 8)
        mine = files(disk)
    for _ in range(2):
        of_old, of_new = (json.dumps(images.layers(each)) for each in ("old", "new"))
        rebase(str(folder / "upper"), str(folder / "target"), of_old, of_new, keep)
    with images.mounted("new", "target") as disk:
        found = {path: text for path, text in files(disk).items() if ".image" not in path}
    assert found == merged_by_rule(old, mine, new, keep)


@pytest.mark.parametrize("keep", ["mine", "image"])
@pytest.mark.parametrize("count", [8, pytest.param(500, marks=pytest.mark.slow)])
def test_path_by_path_it_is_as_the_rule_says(keep: str, count: int, tmp_path: Path) -> None:
    drawn = chance()
    for number in range(count):
        one_merge(tmp_path / str(number), drawn, keep)
