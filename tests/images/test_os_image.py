from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import wizard
from tests.engine import Engine
from tests.images.podman.test_builder import layer_files
from tests.test_podman import fake_podman
from tests.test_process import wait_until_gone
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.errors import WorkbenchError
from workbench.images.os_image import make_os_image

IMAGE = "localhost/workbench-images:os-bookworm"
TINY_ROOT = """\
#!/bin/sh
set -eu
mkdir -p "$1/bin" "$1/etc"
cp "$(command -v busybox)" "$1/bin/busybox"
ln -s busybox "$1/bin/sh"
ln -s busybox "$1/bin/stat"
echo hello >"$1/etc/hello"
chown 123:456 "$1/etc/hello"
echo "made $1"
"""


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="not root, who alone makes files of many owners")


def catalogue(folder: Path, script: str) -> Catalogue:
    return read_catalogue(str(make_catalogue(folder, {"base/bookworm/os-image.sh": script})))


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith("workbench-os-")]


def process(*words: str, seconds: float = 60) -> int:
    """Return the process with this command line, once there is one."""
    line, deadline = "".join(f"{word}\0" for word in words), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if file.read_text(errors="replace") == line:
                    return int(file.parent.name)
        time.sleep(0.05)
    raise AssertionError(f"no process is {words}")


@pytest.fixture
def unmade(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine without the root image, and temporary files in the test's folder."""
    engine.try_("untag", IMAGE, IMAGE)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return engine


@AS_ROOT
def test_a_root_image_is_made_and_starts(unmade: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"base/bookworm/os-image.sh": TINY_ROOT})
    done = wizard("os-image", "--catalog", folder, "--os", "bookworm")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{IMAGE}\n"
    assert done.stderr.startswith("made /")
    assert unmade("run", "--rm", "--network=none", IMAGE, "stat", "-c", "%u:%g", "/etc/hello") == "123:456"
    assert left_over(tmp_path) == []
    unmade("untag", IMAGE, IMAGE)


@AS_ROOT
def test_a_script_that_fails_makes_no_image(unmade: Engine, tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(WorkbenchError) as error:
        make_os_image(catalogue(tmp_path, "#!/bin/sh\necho no mirror >&2\nexit 4\n"), "bookworm", lines.append)
    assert (error.value.message, error.value.where) == (
        "os-image.sh ended with exit code 4: no mirror",
        "base/bookworm/os-image.sh",
    )
    assert lines == ["no mirror"]
    assert IMAGE not in unmade.names()
    assert left_over(tmp_path) == []


@AS_ROOT
def test_a_program_that_the_script_lacks_is_named(unmade: Engine, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        make_os_image(catalogue(tmp_path, "#!/bin/sh\nno-such-bootstrap\n"), "bookworm", print)
    assert "no-such-bootstrap: not found" in error.value.message
    assert error.value.hint == "a program that it calls is not installed"


@AS_ROOT
def test_an_import_that_fails_makes_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    record = fake_podman(tmp_path, monkeypatch, "echo 'Error: disk full' >&2; exit 125")
    with pytest.raises(WorkbenchError, match="podman cannot import the root image: disk full"):
        make_os_image(catalogue(tmp_path, "#!/bin/sh\nhead -c 3000000 /dev/zero >$1/zeros\n"), "bookworm", print)
    assert len(record.read_text().splitlines()) == 1


@AS_ROOT
def test_mounts_of_the_script_are_not_the_machines(unmade: Engine, tmp_path: Path) -> None:
    script = TINY_ROOT + 'mkdir "$1/proc"; mount -t tmpfs none "$1/proc"; echo x >"$1/proc/left"\n'
    make_os_image(catalogue(tmp_path, script), "bookworm", print)
    saved = unmade.try_("save", "--format=docker-archive", "--output", str(tmp_path / "image.tar"), IMAGE)
    assert saved.returncode == 0, saved.stderr
    files = layer_files(tmp_path / "image.tar")
    assert "proc" in files and "proc/left" not in files
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert left_over(tmp_path) == []
    unmade("untag", IMAGE, IMAGE)


@AS_ROOT
def test_an_interrupt_leaves_nothing(unmade: Engine, tmp_path: Path) -> None:
    # As a command line of its own: in its namespace it has another number.
    script = '#!/bin/sh\nmkdir "$1/proc"; mount -t tmpfs none "$1/proc"; sleep 61.25 & echo begun; wait\n'
    folder = make_catalogue(tmp_path, {"base/bookworm/os-image.sh": script})
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "os-image", "--catalog", str(folder), "--os=bookworm"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as making:
        assert making.stderr is not None
        assert making.stderr.readline() == "begun\n"
        sleeping = process("sleep", "61.25")
        making.send_signal(signal.SIGINT)
        making.communicate(timeout=60)
    assert making.returncode == 130
    wait_until_gone(sleeping)
    assert IMAGE not in unmade.names()
    assert left_over(tmp_path) == []


@AS_ROOT
def test_killed_it_leaves_no_process_and_the_next_one_removes_its_folder(unmade: Engine, tmp_path: Path) -> None:
    waiting = '#!/bin/sh\nmkdir "$1/proc"; mount -t tmpfs none "$1/proc"; sleep 61.5 & echo begun; wait\n'
    folder = make_catalogue(tmp_path, {"base/bookworm/os-image.sh": waiting})
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "os-image", "--catalog", str(folder), "--os=bookworm"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as making:
        assert making.stderr is not None
        assert making.stderr.readline() == "begun\n"
        sleeping = process("sleep", "61.5")
        making.kill()
        making.communicate(timeout=60)
    wait_until_gone(sleeping)
    assert len(left_over(tmp_path)) == 1
    assert make_os_image(catalogue(tmp_path, TINY_ROOT), "bookworm", print) == IMAGE
    assert left_over(tmp_path) == []
    unmade("untag", IMAGE, IMAGE)


def test_a_system_without_a_script(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        make_os_image(catalogue(tmp_path, TINY_ROOT), "c9s", print)
    assert error.value.message.startswith("c9s has no script that makes its root image")
    assert error.value.hint == "systems that have one: bookworm"


def test_a_name_that_is_a_path(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no operating system is named"):
        make_os_image(catalogue(tmp_path, TINY_ROOT), "../bookworm", print)
