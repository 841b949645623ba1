from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.monobase.prefix import Prefix
from workbench.monobase.store import ChangedError, DigestMismatchError, FileStore

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(Prefix.at(str(tmp_path / "prefix")))


def file(tmp_path: Path, text: str = "hello", mode: int = 0o644, name: str = "file") -> str:
    path = tmp_path / name
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_equal_contents_are_one_file(store: FileStore, tmp_path: Path) -> None:
    entries = {store.put(file(tmp_path, name=f"file{number}")) for number in range(5)}
    assert entries == {HELLO}
    for number in range(5):
        store.link(HELLO, str(tmp_path / f"linked{number}"))
    assert len({(tmp_path / f"linked{number}").stat().st_ino for number in range(5)}) == 1
    assert (tmp_path / "linked0").stat().st_mode & 0o777 == 0o444


def test_what_may_be_executed_is_another_file(store: FileStore, tmp_path: Path) -> None:
    assert store.put(file(tmp_path, mode=0o755)) == f"{HELLO}-x"
    store.link(f"{HELLO}-x", str(tmp_path / "linked"))
    assert (tmp_path / "linked").stat().st_mode & 0o777 == 0o555
    assert store.entries() == [f"{HELLO}-x"]


def test_what_is_not_what_it_should_be_is_refused_untouched(store: FileStore, tmp_path: Path) -> None:
    path = file(tmp_path, "other")
    before = os.stat(path)
    with pytest.raises(DigestMismatchError):
        store.put(path, HELLO)
    assert (os.stat(path).st_mode, os.stat(path).st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert store.entries() == []


def test_nothing_is_made_of_a_file_that_was_written_to(store: FileStore, tmp_path: Path) -> None:
    store.put(file(tmp_path))
    store.link(HELLO, str(tmp_path / "linked"))
    os.chmod(tmp_path / "linked", 0o644)
    (tmp_path / "linked").write_text("poison")
    with pytest.raises(ChangedError) as error:
        store.link(HELLO, str(tmp_path / "again"))
    assert error.value.where == store.path(HELLO)
    assert "monobase repair" in error.value.hint


def test_a_file_that_is_gone(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(ChangedError):
        store.link(HELLO, str(tmp_path / "linked"))


def limited(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let an inode have so many links and no more, as ext4 does with 65,000."""
    real = os.link

    def link(source: str, target: str) -> None:
        if os.stat(source).st_nlink >= most:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), source)
        real(source, target)

    monkeypatch.setattr(os, "link", link)


@settings(max_examples=20, deadline=None)
@given(wanted=st.integers(1, 40), most=st.integers(2, 9))
def test_more_links_than_the_file_system_allows(
    wanted: int, most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("links")
    store = FileStore(Prefix.at(str(folder / "prefix")))
    with pytest.MonkeyPatch.context() as patch:
        store.put(file(folder))
        os.unlink(folder / "file")
        limited(patch, most)
        for number in range(wanted):
            store.link(HELLO, str(folder / f"linked{number}"))
    inodes = [(folder / f"linked{number}").stat().st_ino for number in range(wanted)]
    assert {(folder / f"linked{number}").read_text() for number in range(wanted)} == {"hello"}
    # The store's own name takes one of the links of the last inode; the others are full.
    assert len(set(inodes)) <= -(-wanted // (most - 1))
    assert sorted(name.name for name in Path(store.path(HELLO)).parent.iterdir()) == [HELLO]


def test_an_inode_of_the_cache_that_has_all_its_links_is_copied(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path)
    os.link(path, tmp_path / "cached")
    limited(monkeypatch, 2)
    assert store.put(path) == HELLO
    assert os.stat(store.path(HELLO)).st_ino != os.stat(path).st_ino


def test_a_file_system_without_hard_links_is_reported(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(file(tmp_path))

    def link(source: str, target: str) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(WorkbenchError, match="makes no hard link here"):
        store.link(HELLO, str(tmp_path / "linked"))
