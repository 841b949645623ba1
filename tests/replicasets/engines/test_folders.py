"""Folders mounted for podman where it sees them, and the refusal where they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine import SHORT, need_root, rootless
from workbench.replicasets.engines import mounts
from workbench.replicasets.engines.podman.folders import PodmanFolders
from workbench.replicasets.errors import Unsupported

# What listens in podman's stead, in namespaces of its own.
_LISTENER = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    server.accept()
"""
MOUNT, USER = ("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")


@contextmanager
def listening(*before: str) -> Iterator[tuple[str, int]]:
    """A socket that a process started by the command `before` listens at, and the number of the process."""
    with tempfile.TemporaryDirectory(dir=SHORT) as folder:
        command = [*before, sys.executable, "-c", _LISTENER, f"{folder}/podman.sock"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield f"unix://{folder}/podman.sock", process.pid
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder below which may be bound: with a folder `own` that has a file, and a link out of it."""
    (tmp_path / "shared/own").mkdir(parents=True)
    (tmp_path / "shared/own/file").touch()
    (tmp_path / "shared/link").symlink_to("/etc")
    return tmp_path / "shared"


def seen_by(process: int, path: str) -> list[str]:
    """What a process has in a folder, in its own namespaces."""
    entered = ["nsenter", "--target", str(process), "--mount", *(["--user", "--preserve"] if rootless() else [])]
    return subprocess.run([*entered, "ls", "-A", path], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("namespaces", [MOUNT, USER], ids=["mount", "user"])
def test_they_are_mounted_in_podmans_namespaces(namespaces: tuple[str, ...], root: Path, tmp_path: Path) -> None:
    if namespaces is MOUNT:
        need_root("a mount namespace needs a user namespace with it")
    place = str(tmp_path / "mounts")
    with listening(*namespaces) as (address, process):
        folders = PodmanFolders(address, place)
        source = folders.attach("a-1-0", str(root), str(root / "own"))
        assert source == f"{place}/a-1-0"
        assert seen_by(process, source) == ["file"]
        assert (mounts.mounted(place), os.listdir(source)) == (set(), [])
        assert folders.attached() == {"a-1-0"}
        for wrong in ("link", "absent", "own/file", "..", "../mounts"):
            assert folders.attach("a-1-1", str(root), str(root / wrong)) == ""
        folders.detach("a-1-0")
        folders.detach("a-1-0")
        assert folders.attached() == set()


def test_where_nothing_can_be_mounted_only_a_root_itself_is_bound(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_paths: str) -> bool:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mounts, "attach", refused)
    monkeypatch.setattr(mounts, "detach", refused)
    with listening() as (address, _):
        folders = PodmanFolders(address, str(tmp_path / "mounts"))
        assert folders.attach("a-1-0", str(root), str(root)) == str(root)
        with pytest.raises(Unsupported, match=r"own cannot be bound: this service may not mount") as error:
            folders.attach("a-1-0", str(root), str(root / "own"))
        assert error.value.hint.startswith(f"bind {root} itself")
        folders.detach("a-1-0")
        assert folders.attached() == set()


def test_what_is_mounted_below_comes_along_and_stays_where_it_was(root: Path, tmp_path: Path) -> None:
    """Unmounting a copy must not unmount the original: mounts of the host are shared between namespaces."""
    need_root("nothing can be mounted here")
    inner = root / "own/disk"
    inner.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(inner)], check=True)
    try:
        subprocess.run(["mount", "--make-shared", str(inner)], check=True)
        (inner / "on-disk").touch()
        target = str(tmp_path / "mounts/a-1-0")
        assert mounts.attach(str(root), "own", target)
        assert os.listdir(f"{target}/disk") == ["on-disk"]
        mounts.detach(target)
        assert os.listdir(inner) == ["on-disk"]
        assert not os.path.exists(target)
    finally:
        subprocess.run(["umount", str(inner)], check=True)
