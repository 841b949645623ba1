"""verify finds what is not as it was installed; repair check_repair it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monobase.wheels import MINOR, SITE, Index, contents, make, this_python, toolchain_at
from workbench.commands import here
from workbench.monobase import layout
from workbench.monobase.damage import CHANGED, EXTRA, MARKER, MISSING, VerifyReport
from workbench.monobase.frame import config_text
from workbench.monobase.install import Toolchain
from workbench.monobase.repair import repair
from workbench.monobase.verify import verify

MODULE = f"{SITE}/aa/__init__.py"
BYTECODE = f"{SITE}/aa/__pycache__/__init__.{this_python().tag}.pyc"
PLACES = ("monobase/g00001/one", "monobase/g00001/two", "monobase/g00002/one")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three environments: `one` has aa, `two` has aa and bb, and the next generation's `one` is as the first."""
    folder = tmp_path_factory.mktemp("built")
    index = Index(folder / "index")
    index.add("aa", commands="say-aa = aa:say")
    index.add("bb", files={"bb/__init__.py": "B = 1\n"})
    tools = toolchain_at(folder / "prefix")
    alone = index.lock(folder / "one.txt", index.pins["aa"])
    make(tools, "g00001/one", alone)
    make(tools, "g00001/two", index.lock(folder / "two.txt"))
    make(tools, "g00002/one", alone)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, links and times and all, in the place where it was built (locks name their index)."""
    subprocess.run(["cp", "-a", str(built), str(tmp_path / "kept")], check=True)
    yield built
    shutil.rmtree(built)
    subprocess.run(["mv", str(tmp_path / "kept"), str(built)], check=True)


@pytest.fixture
def tools(folder: Path) -> Toolchain:
    return toolchain_at(folder / "prefix")


def verified(tools: Toolchain, *, quick: bool = False) -> VerifyReport:
    return verify(tools.prefix, quick=quick, jobs=2)


def path_of(tools: Toolchain, place: str, below: str) -> Path:
    return Path(tools.prefix.below(place), below)


def damage_in(found: VerifyReport) -> set[tuple[str, str, str]]:
    return {(fault.kind, fault.environment, fault.path) for fault in found.damage}


def poison(path: Path, *, hide: bool = False) -> None:
    """Write to a file as root can; with `hide`, set back what would show it."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("a") as file:
        file.write("# poison\n")
    if hide:
        path.chmod(before.st_mode)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def everything(tools: Toolchain) -> dict[str, tuple[int, str]]:
    return contents(Path(tools.prefix.generations))


def check_repair(tools: Toolchain) -> None:
    report = repair(toolchain_at(Path(tools.prefix.root)), verified(tools))
    assert report.failed == []
    assert report.repaired
    assert verified(tools).is_whole


def test_what_nobody_touched_is_whole(tools: Toolchain) -> None:
    found = verified(tools)
    assert found.is_whole
    assert (found.environments, verified(tools, quick=True).is_whole) == (3, True)
    assert found.inodes < found.files


@pytest.mark.parametrize("below", [MODULE, BYTECODE, "bin/say-aa", "pyvenv.cfg"])
def test_one_poisoned_file_is_reported_for_every_environment_that_shares_it_and_repaired_in_all(
    tools: Toolchain, below: str
) -> None:
    before = everything(tools)
    poison(path_of(tools, PLACES[0], below))
    for quick in (True, False):
        found = verified(tools, quick=quick)
        assert damage_in(found) == {(CHANGED, place, below) for place in PLACES}
        assert found.sharing(found.damage[0]) == list(PLACES)
        assert len(found.damaged_entries) == 1
    check_repair(tools)
    assert everything(tools) == before


def test_a_poison_that_hides_is_found_by_reading(tools: Toolchain) -> None:
    before = everything(tools)
    poison(path_of(tools, PLACES[1], MODULE), hide=True)
    assert verified(tools, quick=True).is_whole
    assert damage_in(verified(tools)) == {(CHANGED, place, MODULE) for place in PLACES}
    check_repair(tools)
    assert everything(tools) == before


def test_a_file_that_was_replaced_is_reported_for_its_environment_alone(tools: Toolchain) -> None:
    before = everything(tools)
    path = path_of(tools, PLACES[0], MODULE)
    path.unlink()
    path.write_text("mine = 1\n")
    found = verified(tools)
    assert damage_in(found) == {(CHANGED, PLACES[0], MODULE)}
    assert found.sharing(found.damage[0]) == [PLACES[0]]
    assert found.damaged_entries == []
    check_repair(tools)
    assert everything(tools) == before
    assert path.stat().st_ino == path_of(tools, PLACES[1], MODULE).stat().st_ino


def _remove(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(("change", "kind"), [(_remove, MISSING), (_folder, MISSING), (_link, CHANGED)])
def test_a_file_that_is_missing_or_something_else(tools: Toolchain, change: Callable[[Path], None], kind: str) -> None:
    before = everything(tools)
    change(path_of(tools, PLACES[0], MODULE))
    assert damage_in(verified(tools)) == {(kind, PLACES[0], MODULE)}
    check_repair(tools)
    assert everything(tools) == before


def test_a_mode_that_was_changed(tools: Toolchain) -> None:
    before = everything(tools)
    path_of(tools, PLACES[0], "bin/say-aa").chmod(0o777)
    assert damage_in(verified(tools)) == {(CHANGED, place, "bin/say-aa") for place in PLACES}
    check_repair(tools)
    assert everything(tools) == before


def test_files_that_nobody_installed_go(tools: Toolchain) -> None:
    before = everything(tools)
    path_of(tools, PLACES[0], f"{SITE}/sitecustomize.py").write_text("evil = 1\n")
    path_of(tools, PLACES[2], "bin/ls").symlink_to("/bin/true")
    assert damage_in(verified(tools)) == {(EXTRA, PLACES[0], f"{SITE}/sitecustomize.py"), (EXTRA, PLACES[2], "bin/ls")}
    check_repair(tools)
    assert everything(tools) == before


def test_a_python_link_that_was_moved(tools: Toolchain) -> None:
    before = everything(tools)
    link = path_of(tools, PLACES[0], "bin/python")
    link.unlink()
    link.symlink_to("/bin/true")
    assert damage_in(verified(tools)) == {(CHANGED, PLACES[0], "bin/python")}
    check_repair(tools)
    assert everything(tools) == before


def test_the_store_alone_poisoned_is_repaired_from_an_environment(tools: Toolchain, folder: Path) -> None:
    entry = next(
        name for name in tools.store.entries() if Path(tools.store.path(name)).read_bytes() == b"VERSION = '1.0'\n"
    )
    stored = Path(tools.store.path(entry))
    stored.unlink()
    stored.write_text("poison\n")
    found = verified(tools)
    assert (found.damage, found.damaged_entries) == ([], [entry])
    shutil.rmtree(folder / "index")  # nothing to fetch from
    check_repair(tools)


def test_what_cannot_be_fetched_again_is_reported(tools: Toolchain, folder: Path) -> None:
    poison(path_of(tools, PLACES[0], MODULE))
    shutil.rmtree(folder / "index")
    report = repair(tools, verified(tools))
    assert [name for name, _ in report.failed if not name.startswith("store")] == [
        f"{place}/{MODULE}" for place in PLACES
    ]
    assert not verified(tools).is_whole


def test_a_poisoned_file_is_never_built_of(tools: Toolchain, folder: Path) -> None:
    poison(path_of(tools, PLACES[0], MODULE))
    made = make(tools, "g00003/one", str(folder / "one.txt"))
    assert (made / MODULE).read_text() == "VERSION = '1.0'\n"
    assert {place for _, place, _ in damage_in(verified(tools))} == set(PLACES)
    check_repair(tools)


def test_a_damaged_marker_is_reported_and_made_anew(tools: Toolchain, folder: Path) -> None:
    before = everything(tools)
    marker = path_of(tools, PLACES[2], ".done")
    marker.write_text(marker.read_text().replace("sha256:", "sha256:0", 1))
    assert damage_in(verified(tools)) == {(MARKER, PLACES[2], ".done")}
    report = repair(tools, verified(tools))
    assert [name for name, _ in report.failed] == [f"{PLACES[2]}/.done"]
    assert all(reason.endswith(f"`{here('monobase build')}` makes it again") for _, reason in report.failed)
    again = toolchain_at(Path(tools.prefix.root))
    for name, lock in (("g00001/one", "one"), ("g00001/two", "two"), ("g00002/one", "one")):
        make(again, name, str(folder / f"{lock}.txt"))
    assert verified(tools).is_whole
    assert everything(tools) == before


def test_a_generation_whose_description_moved(tools: Toolchain) -> None:
    generation = tools.prefix.generation("g00001")
    layout.write_done(generation, layout.GenerationMarker("sha256:old", {}, {}))
    found = verify(tools.prefix, {"g00001": "sha256:new"})
    assert found.changed == [("g00001", "was built as sha256:old, and is sha256:new now")]
    assert not found.is_whole


def test_an_environment_that_its_generation_promises_and_that_is_gone(tools: Toolchain) -> None:
    generation = tools.prefix.generation("g00001")
    layout.write_done(generation, layout.GenerationMarker("sha256:x", {"one": "sha256:1", "gone": "sha256:2"}, {}))
    assert (MARKER, "monobase/g00001/gone", ".done") in damage_in(verified(tools))


def test_the_settings_of_an_environment_name_its_python() -> None:
    assert f"version_info = {MINOR}" in config_text(this_python())


def test_two_versions_of_a_package_are_repaired(tmp_path: Path) -> None:
    """Each from its own package: there is no good copy of either."""
    index = Index(tmp_path / "index")
    tools = toolchain_at(tmp_path / "prefix")
    for number in (1, 2):
        make(tools, f"g0000{number}/one", index.lock(tmp_path / "lock.txt", index.add("aa", f"{number}.0")))
    for number in (1, 2):
        path = Path(tools.prefix.generation(f"g0000{number}"), "one", MODULE)
        path.chmod(0o644)
        path.write_text("poison\n")
    assert repair(tools, verify(tools.prefix)).failed == []
    assert [Path(tools.prefix.generation(f"g0000{number}"), "one", MODULE).read_text() for number in (1, 2)] == [
        "VERSION = '1.0'\n",
        "VERSION = '2.0'\n",
    ]
