from __future__ import annotations

import os
from pathlib import Path

from workbench.images.context import exists, ignored


def test_what_a_folder_has(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/f.txt").write_text("")
    os.symlink("nowhere", tmp_path / "link")
    paths = ("", "d", "d/e/f.txt", "*/e/*.txt", "link", "x", "d/*.txt", "f*")
    assert [path for path in paths if exists(str(tmp_path), path)] == ["", "d", "d/e/f.txt", "*/e/*.txt", "link"]


def test_the_ignore_file(tmp_path: Path) -> None:
    assert ignored(str(tmp_path)) == ()
    (tmp_path / ".dockerignore").write_text("# no\n\n*.pyc\n/build\n!keep\n")
    assert ignored(str(tmp_path)) == ("*.pyc", "build", "!keep")
    (tmp_path / ".containerignore").write_text("own\n")
    assert ignored(str(tmp_path)) == ("own",)
