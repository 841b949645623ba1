"""What holds the images of the tests is on a disk of its own, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.catalogues import REPOSITORY
from tests.disk import own_disk


def test_nothing_of_it_stays(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    with own_disk(folder) as made:
        (folder / "file").write_text("text")
        assert os.path.ismount(folder) is made
        assert folder.stat().st_mode & 0o777 == 0o700
    # Where no disk could be made the folder is as it was left, for whoever made it to remove.
    assert [path.name for path in folder.iterdir()] == ([] if made else ["file"])
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()


def test_what_a_killed_session_left_goes_with_the_next_one(tmp_path: Path) -> None:
    code = """\
import pathlib, sys, time
from tests.disk import own_disk
with own_disk(pathlib.Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(600)
"""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", code, first], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as killed:
        assert killed.stdout is not None and killed.stdout.readline() == "ready\n"
        with own_disk(second):
            assert first.exists(), "it is in use"
        killed.kill()
    with own_disk(second):
        assert not first.exists()
    assert str(first) not in Path("/proc/self/mountinfo").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["second"]
