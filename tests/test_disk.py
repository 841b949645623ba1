"""What holds the images of the tests is on a disk of its own, and leaves nothing."""

from __future__ import annotations

import os
from pathlib import Path

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
