"""Sized volumes on btrfs: resized while they are used, and the quota holds."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import search_path
from tests.replicasets.volumes.resized import resized_while_used
from workbench.replicasets.service import ReplicaSets


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
    volumes = btrfs / "volumes"
    resized_while_used(room(volumes=str(volumes)), volumes, driver="btrfs", full="quota exceeded")
