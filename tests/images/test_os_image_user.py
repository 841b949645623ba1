"""The root image of bookworm, made as a normal user's podman does it: in a user namespace, where no device is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import Engine, search_path
from workbench.catalog.reader import read_catalogue
from workbench.images.os_image import make_os_image

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.geteuid() != 0, reason="not root, who alone can give a namespace many users"),
    pytest.mark.skipif(shutil.which("debootstrap", path=search_path()) is None, reason="debootstrap not installed"),
]


@contextmanager
def user_namespace() -> Iterator[int]:
    """Yield a process in a user namespace whose users are this machine's first 65536."""
    with subprocess.Popen(["unshare", "--user", "sleep", "infinity"]) as sleeping:
        try:
            deadline, ours = time.monotonic() + 60, os.readlink("/proc/self/ns/user")
            while os.readlink(f"/proc/{sleeping.pid}/ns/user") == ours:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            for kind in ("uid", "gid"):
                Path(f"/proc/{sleeping.pid}/{kind}_map").write_text("0 0 65536\n")
            yield sleeping.pid
        finally:
            sleeping.kill()


@pytest.mark.timeout(1800)
def test_debootstrap_in_a_user_namespace(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    imported, programs = tmp_path / "image.tar", tmp_path / "programs"
    lines: list[str] = []
    with user_namespace() as process:
        # `podman unshare` enters it; what `podman import` would read is kept, and the store is left alone.
        programs.mkdir()
        podman = programs / "podman"
        podman.write_text(
            "#!/bin/sh\n"
            f'case $1 in unshare) shift; exec nsenter --target={process} --user -- "$@" ;;\n'
            f"import) cat >{imported}; echo 0123 ;; esac\n"
        )
        podman.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{search_path()}")
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        make_os_image(read_catalogue(str(REPOSITORY)), "bookworm", lines.append)
    assert [line for line in lines if "Base system installed successfully" in line]
    with tarfile.open(imported) as root:
        members = {member.name.removeprefix("./"): member for member in root.getmembers()}
    assert members["var/lib/dpkg/status"].size > 10_000 and members["etc/shadow"].gid == 42
    # The devices that stood in for new ones are this machine's, and stay here.
    assert [name for name in members if name.startswith("dev/")] == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("workbench-os-")] == []
