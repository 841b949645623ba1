"""Sized volumes on btrfs: resized while they are used, and the quota holds."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import TINY, search_path
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid
from workbench.replicasets.service import Bind, ReplicaSets


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Path]:
    """A folder on btrfs, in a file."""
    if os.geteuid() != 0 or shutil.which("mkfs.btrfs", path=search_path()) is None:
        pytest.skip("not root, or btrfs-progs not installed")
    if "btrfs" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no btrfs")
    image, folder = tmp_path / "btrfs.img", tmp_path / "btrfs"
    with image.open("wb") as file:
        file.truncate(256 << 20)
    folder.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True, env={**os.environ, "PATH": search_path()})
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_volume_is_resized_while_it_is_used(room: Callable[..., ReplicaSets], btrfs: Path) -> None:
    rs = room(volumes=str(btrfs / "volumes"))
    volume = rs.create_volume("data", size="16MB")
    assert volume.driver == "btrfs"
    rs.run(TINY, "foo", binds=[Bind("data", "/data")])
    write = ["sh", "-c", "dd if=/dev/urandom of=/data/big bs=1M count=30; sync; ls /data"]
    assert "quota exceeded" in rs.execute("foo", write).stdout.lower()
    assert rs.resize_volume("data", "64MB").version == 2
    assert "quota exceeded" not in rs.execute("foo", write).stdout.lower()
    with pytest.raises(Invalid) as error:
        rs.resize_volume("data", "16MB")
    assert error.value.code == Code.VOLUME_USED
    assert rs.execute("foo", ["rm", "/data/big"]).exit_code == 0
    rs.resize_volume("data", "16MB")
    rs.delete("foo")
    rs.delete_volume("data")
    assert list((btrfs / "volumes").iterdir()) == []
