"""verify finds what is not as it was installed; repair mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monobase.wheels import MINOR, SITE, Index, contents, make, shop_at, this_python
from workbench.monobase import layout
from workbench.monobase.frame import config_text
from workbench.monobase.install import Workshop
from workbench.monobase.repair import repair
from workbench.monobase.verify import CHANGED, EXTRA, MARKER, MISSING, RECORD, Found, verify

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
    shop = shop_at(folder / "prefix")
    alone = index.lock(folder / "one.txt", index.pins["aa"])
    make(shop, "g00001/one", alone)
    make(shop, "g00001/two", index.lock(folder / "two.txt"))
    make(shop, "g00002/one", alone)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, links and times and all, in the place where it was built (locks name their index)."""
    subprocess.run(["cp", "-a", str(built), str(tmp_path / "kept")], check=True)
    yield built
    shutil.rmtree(built)
    subprocess.run(["mv", str(tmp_path / "kept"), str(built)], check=True)


@pytest.fixture
def shop(folder: Path) -> Workshop:
    return shop_at(folder / "prefix")


def look(shop: Workshop, *, quick: bool = False) -> Found:
    return verify(shop.prefix, quick=quick, jobs=2)


def path_of(shop: Workshop, place: str, below: str) -> Path:
    return Path(shop.prefix.below(place), below)


def told(found: Found) -> set[tuple[str, str, str]]:
    return {(fault.kind, fault.environment, fault.path) for fault in found.faults}


def poison(path: Path, *, hide: bool = False) -> None:
    """Write to a file as root can; with `hide`, set back what would tell it."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("a") as file:
        file.write("# poison\n")
    if hide:
        path.chmod(before.st_mode)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def everything(shop: Workshop) -> dict[str, tuple[int, str]]:
    return contents(Path(shop.prefix.generations))


def mends(shop: Workshop) -> None:
    mended = repair(shop_at(Path(shop.prefix.root)), look(shop))
    assert mended.left == []
    assert mended.done
    assert look(shop).is_whole


def test_what_nobody_touched_is_whole(shop: Workshop) -> None:
    found = look(shop)
    assert found.is_whole
    assert (found.environments, look(shop, quick=True).is_whole) == (3, True)
    assert found.inodes < found.files


@pytest.mark.parametrize("below", [MODULE, BYTECODE, "bin/say-aa", "pyvenv.cfg"])
def test_one_poisoned_file_is_told_for_every_environment_that_shares_it_and_mended_in_all(
    shop: Workshop, below: str
) -> None:
    before = everything(shop)
    poison(path_of(shop, PLACES[0], below))
    for quick in (True, False):
        found = look(shop, quick=quick)
        assert told(found) == {(CHANGED, place, below) for place in PLACES}
        assert found.sharing(found.faults[0]) == list(PLACES)
        assert len(found.spoiled) == 1
    mends(shop)
    assert everything(shop) == before


def test_a_poison_that_hides_is_found_by_reading(shop: Workshop) -> None:
    before = everything(shop)
    poison(path_of(shop, PLACES[1], MODULE), hide=True)
    assert look(shop, quick=True).is_whole
    assert told(look(shop)) == {(CHANGED, place, MODULE) for place in PLACES}
    mends(shop)
    assert everything(shop) == before


def test_a_file_that_was_replaced_is_told_for_its_environment_alone(shop: Workshop) -> None:
    before = everything(shop)
    path = path_of(shop, PLACES[0], MODULE)
    path.unlink()
    path.write_text("mine = 1\n")
    found = look(shop)
    assert told(found) == {(CHANGED, PLACES[0], MODULE)}
    assert found.sharing(found.faults[0]) == [PLACES[0]]
    assert found.spoiled == []
    mends(shop)
    assert everything(shop) == before
    assert path.stat().st_ino == path_of(shop, PLACES[1], MODULE).stat().st_ino


def _remove(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(("change", "kind"), [(_remove, MISSING), (_folder, MISSING), (_link, CHANGED)])
def test_a_file_that_is_missing_or_something_else(shop: Workshop, change: Callable[[Path], None], kind: str) -> None:
    before = everything(shop)
    change(path_of(shop, PLACES[0], MODULE))
    assert told(look(shop)) == {(kind, PLACES[0], MODULE)}
    mends(shop)
    assert everything(shop) == before


def test_a_mode_that_was_changed(shop: Workshop) -> None:
    before = everything(shop)
    path_of(shop, PLACES[0], "bin/say-aa").chmod(0o777)
    assert told(look(shop)) == {(CHANGED, place, "bin/say-aa") for place in PLACES}
    mends(shop)
    assert everything(shop) == before


def test_files_that_nobody_installed_go(shop: Workshop) -> None:
    before = everything(shop)
    path_of(shop, PLACES[0], f"{SITE}/sitecustomize.py").write_text("evil = 1\n")
    path_of(shop, PLACES[2], "bin/ls").symlink_to("/bin/true")
    assert told(look(shop)) == {(EXTRA, PLACES[0], f"{SITE}/sitecustomize.py"), (EXTRA, PLACES[2], "bin/ls")}
    mends(shop)
    assert everything(shop) == before


def test_a_python_link_that_was_moved(shop: Workshop) -> None:
    before = everything(shop)
    link = path_of(shop, PLACES[0], "bin/python")
    link.unlink()
    link.symlink_to("/bin/true")
    assert told(look(shop)) == {(CHANGED, PLACES[0], "bin/python")}
    mends(shop)
    assert everything(shop) == before


def test_the_store_alone_poisoned_is_mended_from_an_environment(shop: Workshop, folder: Path) -> None:
    entry = next(
        name for name in shop.store.entries() if Path(shop.store.path(name)).read_bytes() == b"VERSION = '1.0'\n"
    )
    stored = Path(shop.store.path(entry))
    stored.unlink()
    stored.write_text("poison\n")
    found = look(shop)
    assert (found.faults, found.spoiled) == ([], [entry])
    shutil.rmtree(folder / "index")  # nothing to fetch from
    mends(shop)


def test_what_cannot_be_fetched_again_is_told(shop: Workshop, folder: Path) -> None:
    poison(path_of(shop, PLACES[0], MODULE))
    shutil.rmtree(folder / "index")
    mended = repair(shop, look(shop))
    assert [name for name, _ in mended.left if not name.startswith("store")] == [
        f"{place}/{MODULE}" for place in PLACES
    ]
    assert not look(shop).is_whole


def test_a_poisoned_file_is_never_built_of(shop: Workshop, folder: Path) -> None:
    poison(path_of(shop, PLACES[0], MODULE))
    with pytest.raises(Exception, match="a file of the store was changed or removed"):
        make(shop, "g00003/one", str(folder / "one.txt"))
    mends(shop)
    made = make(shop_at(Path(shop.prefix.root)), "g00003/one", str(folder / "one.txt"))
    assert (made / MODULE).read_text() == "VERSION = '1.0'\n"


def test_a_damaged_record_or_marker_is_told_and_made_anew(shop: Workshop, folder: Path) -> None:
    before = everything(shop)
    key = shop.wheels.keys()[0]
    poison(Path(shop.wheels.path(key)))
    marker = path_of(shop, PLACES[2], ".done")
    marker.write_text(marker.read_text().replace("sha256:", "sha256:0", 1))
    kinds = {(kind, place) for kind, place, _ in told(look(shop))}
    assert (MARKER, PLACES[2]) in kinds or (RECORD, PLACES[2]) in kinds
    assert RECORD in {kind for kind, _ in kinds}
    mended = repair(shop, look(shop))
    assert all(reason.endswith("`monobase build` makes it again") for _, reason in mended.left)
    again = shop_at(Path(shop.prefix.root))
    for name, lock in (("g00001/one", "one"), ("g00001/two", "two"), ("g00002/one", "one")):
        make(again, name, str(folder / f"{lock}.txt"))
    assert look(shop).is_whole
    assert everything(shop) == before


def test_a_generation_whose_description_moved(shop: Workshop) -> None:
    generation = shop.prefix.generation("g00001")
    layout.write_done(generation, layout.GenerationMarker("sha256:old", {}, {}))
    found = verify(shop.prefix, {"g00001": "sha256:new"})
    assert found.moved == [("g00001", "was built as sha256:old, and is sha256:new now")]
    assert not found.is_whole


def test_an_environment_that_its_generation_promises_and_that_is_gone(shop: Workshop) -> None:
    generation = shop.prefix.generation("g00001")
    layout.write_done(generation, layout.GenerationMarker("sha256:x", {"one": "sha256:1", "gone": "sha256:2"}, {}))
    assert (MARKER, "monobase/g00001/gone", ".done") in told(look(shop))


def test_the_settings_of_an_environment_name_its_python() -> None:
    assert f"version_info = {MINOR}" in config_text(this_python())
