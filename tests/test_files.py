from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.files import holds, print_or_write, replace_text, write_whole


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


def test_what_was_there_stays_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(WorkbenchError, match="cannot be written: No space left on device") as error:
        write_whole(str(file), "after")
    assert error.value.where == str(file)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "before"}


def test_a_path_through_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written: "):
        write_whole(str(tmp_path / "a" / "b"), "x")


def test_without_a_path_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_or_write("text\n", "")
    print_or_write("text\n", str(tmp_path / "file"))
    assert capsys.readouterr().out == f"text\n{tmp_path}/file\n"


def test_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    assert [holds(str(tmp_path / name), text) for name, text in (("a", "text"), ("a", "tex"), ("b", ""))] == [
        True,
        False,
        False,
    ]
