from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.errors import WorkbenchError
from workbench.files import has_text, print_or_write, replace_text, write_whole


def test_a_file_is_written_whole_and_its_folder_made(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    write_whole(str(file), "one")
    write_whole(str(file), "two é")
    assert file.read_text() == "two é"
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["b"]


def test_a_text_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_text(str(path), "one")
    with pytest.raises(UnicodeEncodeError):
        replace_text(str(path), "two\udc80")
    assert path.read_text() == "one"
    replace_text(str(path), "three", mode=0o600, sync=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("three", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_old_file_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(WorkbenchError, match="cannot be written: No space left on device") as error:
        write_whole(str(file), "after")
    assert error.value.where == str(file)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "before"}


KILLED = """
import os, sys
from workbench.files import replace_text
os.replace = lambda *_: os.kill(os.getpid(), 9)
replace_text(sys.argv[1], "a longer text of the one that was killed", mode=0o644)
"""


def test_the_file_of_a_killed_writer_is_reused(tmp_path: Path) -> None:
    file, left = tmp_path / "a", tmp_path / ".a.new"
    file.write_text("before")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, file], cwd=REPOSITORY, check=False)
        assert done.returncode == -signal.SIGKILL
        assert (file.read_text(), left.exists()) == ("before", True)
    replace_text(str(file), "secret", mode=0o600)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("secret", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind", ["link", "hard link", "another user's"])
def test_a_name_that_somebody_else_took_first_is_no_way_into_our_file(tmp_path: Path, kind: str) -> None:
    taken, theirs = tmp_path / ".a.new", tmp_path / "theirs"
    theirs.write_text("theirs")
    if kind == "link":
        taken.symlink_to(theirs)
    elif kind == "hard link":
        taken.hardlink_to(theirs)
    elif os.geteuid() == 0:
        taken.write_text("theirs")
        os.chown(taken, 12345, 12345)
    else:
        pytest.skip("not root: a file cannot be given to another user")
    write_whole(str(tmp_path / "a"), "ours")
    assert ((tmp_path / "a").read_text(), theirs.read_text()) == ("ours", "theirs")
    assert ((tmp_path / "a").stat().st_uid, (tmp_path / "a").stat().st_nlink) == (os.geteuid(), 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "theirs"]


def test_many_at_once_write_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "a"
    texts = [f"{number}\n" * 5000 for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as pool:
        done = [pool.submit(write_whole, str(file), text) for _ in range(50) for text in texts]
        for each in done:
            each.result()
            assert file.read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_path_through_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written: "):
        write_whole(str(tmp_path / "a" / "b"), "x")


def test_without_a_path_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_or_write("text\n", "")
    print_or_write("text\n", str(tmp_path / "file"))
    assert capsys.readouterr().out == f"text\n{tmp_path}/file\n"


def test_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    assert [has_text(str(tmp_path / name), text) for name, text in (("a", "text"), ("a", "tex"), ("b", ""))] == [
        True,
        False,
        False,
    ]
