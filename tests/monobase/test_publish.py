"""Publishing: what is there is whole, however the publisher ended, and nothing damaged gets there."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chance import chance
from tests.command import ENTRY, files_below, killed_after, next_estimate
from tests.monobase.damages import Place
from tests.monobase.wheels import SITE
from workbench.errors import WorkbenchError
from workbench.monobase.mirror import Mirror, MirrorAddress
from workbench.monobase.mirror_folder import mirror_folder
from workbench.monobase.packs import LARGE, Pack, PublishedList, PublishedRecord, packs_of, parse_list, parse_record
from workbench.monobase.prefix import Prefix
from workbench.monobase.publish import PublishReport, publish
from workbench.monobase.sources import MirrorError

ONE, TWO, THREE = ("1" * 64, "2" * 64 + "-x", "3" * 64)


def published(place: Place, target: Path, *, check: bool = False) -> PublishReport:
    return publish(Prefix.at(str(place.root)), str(target), lambda _: True, jobs=2, check=check)


def test_a_large_file_is_in_one_pack_whatever_it_is_with() -> None:
    files = {"lib/big.so": ONE, "lib/a.py": TWO, "lib/__pycache__/a.cpython-312.pyc": THREE}
    sizes = {ONE: LARGE, TWO: 5, THREE: 7}
    packs = packs_of(files, sizes)
    assert packs == (Pack({ONE: LARGE}), Pack({TWO: 5}), Pack({THREE: 7}))
    # Of another Python only the bytecode differs.
    other = packs_of({**files, "lib/__pycache__/a.cpython-312.pyc": "4" * 64}, {**sizes, "4" * 64: 7})
    assert [pack.name for pack in other][:2] == [pack.name for pack in packs][:2]


def test_what_is_published_can_be_read_again() -> None:
    files = {"lib/a.py": ONE, "bin/a": TWO}
    record = PublishedRecord(files, packs_of(files, {ONE: 3, TWO: 4}))
    assert parse_record(record.text()) == record
    made = PublishedList({ONE: THREE}, {"g0123abcd/cog1.0-python3.12": (THREE, 40)}, {"g00001": "sha256:1"})
    assert parse_list(made.text()) == made


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "a/../../b", ".done", "a\0b"])
def test_no_path_of_a_record_leaves_the_environment(path: str) -> None:
    with pytest.raises(ValueError, match="names what no package installs"):
        parse_record(PublishedRecord({path: ONE}, (Pack({ONE: 1}),)).text())


@pytest.mark.parametrize("packs", [(), (Pack({TWO: 1}),), (Pack({ONE: -1}),), (Pack({"../x": 1}),)])
def test_the_packs_of_a_record_are_of_its_files(packs: tuple[Pack, ...]) -> None:
    with pytest.raises(ValueError):
        parse_record(PublishedRecord({"a": ONE}, packs).text())


@pytest.mark.parametrize(
    "text",
    ["", "monobase-list 2\n", "record a b\n", "monobase-list 1\nrecord ../x y\n", "monobase-list 1\ncog ../x y 1\n"],
)
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_list(text)


def test_nothing_damaged_is_published(place: Place, tmp_path: Path) -> None:
    path = place.environment("plain") / SITE / "tool/__init__.py"
    status = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(WorkbenchError, match="it is damaged, and nothing damaged is published"):
        published(place, tmp_path / "packs")
    assert not list(tmp_path.glob("packs/lists/*")) and not list(tmp_path.glob("packs/.stage/*"))
    place.repair()
    assert published(place, tmp_path / "packs").packages == 4


def test_what_is_there_stays_and_what_is_damaged_there_is_made_again(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "packs"
    first = published(place, target)
    before = files_below(target)
    again = published(place, target)
    assert (again.digest, again.files, again.bytes) == (first.digest, 0, 0)
    victim = next((target / "packs").rglob("*.gz"))
    victim.write_bytes(b"damaged")
    assert published(place, target).files == 0
    assert published(place, target, check=True).files == 1
    assert files_below(target) == before


def test_what_is_not_finished_is_not_published(place: Place, tmp_path: Path) -> None:
    (place.root / "monobase/g00002/.done").unlink()
    assert published(place, tmp_path / "packs").generations == ("g00001",)
    (place.root / "monobase/g00001/.done").unlink()
    with pytest.raises(WorkbenchError, match="no generation in that range is finished here"):
        published(place, tmp_path / "packs")


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    def parts() -> list[bytes]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mirror_folder(str(tmp_path)) as folder:
        folder.write("packs/one", [b"one"])
        folder.write("packs/two", (part for part in parts()))
    assert files_below(tmp_path) == {".lock": b"", "packs/one": b"one"}
    assert (tmp_path / "packs/one").stat().st_mode & 0o777 == 0o644


def test_one_publisher_waits_for_the_other(place: Place, tmp_path: Path) -> None:
    waiting = threading.Event()

    def publish_too() -> PublishReport:
        return publish(Prefix.at(str(place.root)), str(tmp_path / "packs"), lambda _: True, log=lambda _: waiting.set())

    with ThreadPoolExecutor() as threads:
        with mirror_folder(str(tmp_path / "packs")):
            future = threads.submit(publish_too)
            assert waiting.wait(20)
            assert not list((tmp_path / "packs").glob("packs/*"))
        assert future.result().packages == 4


def test_a_folder_that_cannot_be_written_is_reported(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/.stage").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "packs"):
        with pytest.raises(WorkbenchError, match="the mirror cannot be written"):
            published(place, tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.thorough
def test_killed_at_any_moment_it_leaves_nothing_half(kept_place: Place, tmp_path: Path) -> None:
    """What is named by a list can be taken; what is published after that is as if it was published in one go."""
    moments, whole = chance(), tmp_path / "whole"
    digest = published(kept_place, whole).digest
    command = [*ENTRY, "monobase", "publish", "--prefix", str(kept_place.root), "--jobs", "1", "--to"]
    span = killed_after(60, [*command, str(tmp_path / "timed")])
    assert span is not None
    for number in range(4):
        target = tmp_path / str(number)
        took = killed_after(moments.uniform(span * 0.4, span), [*command, str(target)])
        span = next_estimate(span, took)
        expected = files_below(whole)
        left = {path: data for path, data in files_below(target).items() if not path.startswith(".")}
        assert left.items() <= expected.items()
        if f"lists/{digest}" in left:
            assert left.keys() == {path for path in expected if not path.startswith(".")}
        else:
            with pytest.raises(MirrorError):
                Mirror(MirrorAddress(str(target), digest)).list()
        published(kept_place, target)
        assert files_below(target) == expected
        assert not (target / ".stage").exists()
