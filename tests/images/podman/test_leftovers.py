from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import Engine
from tests.images.podman.test_builder import wait_for_line
from tests.images.recipes import IMAGE, recipe
from workbench.images.build_mark import is_abandoned, mark_in, marked_folder, new_mark
from workbench.process import descendants

# Nothing is written after the first line: whoever builds does not notice that nobody reads any more.
QUIET = "RUN echo one\nRUN echo begun; while :; do sleep 0.1; done\n"


@contextmanager
def building(folder: Path, logs: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a build of the recipe in `folder` that is in its endless step."""
    command = [
        sys.executable,
        str(REPOSITORY / "wizard.py"),
        "build",
        str(folder),
        "--no-cache",
        "--log-dir",
        str(logs),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for_line(logs, "begun")
            yield process
        finally:
            process.kill()


def podman_of(process: int) -> list[int]:
    """Return the processes of `podman build` below a process."""
    below = descendants(process)
    return [each for each in below if Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")[1:2] == [b"build"]]


def test_a_second_ctrl_c_ends_a_podman_that_hangs_and_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    folder, before = recipe(tmp_path, engine, QUIET), engine.containers()
    with building(folder, tmp_path / "logs") as process:
        stopped = podman_of(process.pid)
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        shown = next(line for line in process.stderr if line.startswith("stopping"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert "Ctrl-C again ends it at once" in shown
    assert process.returncode == 130
    assert stopped and not [each for each in stopped if Path(f"/proc/{each}").exists()]
    assert engine.containers() == before


@pytest.mark.thorough
def test_the_next_build_removes_what_a_killed_one_left(engine: Engine, tmp_path: Path) -> None:
    folder, before = recipe(tmp_path, engine, QUIET), engine.containers()
    with building(folder, tmp_path / "logs") as process:
        below = descendants(process.pid)
        process.kill()
        process.wait()
    assert engine.containers() != before
    assert any(Path(f"/proc/{each}").exists() for each in below), "what it left still runs"
    left = [each for each in os.listdir(tempfile.gettempdir()) if f"-{process.pid}-" in mark_in(each)]
    assert left
    (folder / "Containerfile").write_text(
        (folder / "Containerfile").read_text().replace("while :; do sleep 0.1; done", ":")
    )
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{IMAGE}\n"
    assert engine.containers() == before
    assert not [each for each in below if Path(f"/proc/{each}/exe").exists()]
    assert not set(left) & set(os.listdir(tempfile.gettempdir()))


@pytest.mark.thorough
def test_what_a_podman_that_was_killed_left_running_is_ended(engine: Engine, tmp_path: Path) -> None:
    folder, before = recipe(tmp_path, engine, QUIET), engine.containers()
    with building(folder, tmp_path / "logs") as process:
        for each in podman_of(process.pid):
            os.kill(each, signal.SIGKILL)
        process.communicate(timeout=60)
    # The build failed by itself, so nothing was interrupted, and the containers are those of an ended process.
    assert process.returncode == 1
    done = wizard("build", recipe(tmp_path / "other", engine), "--log-dir", tmp_path / "logs")
    assert done.returncode == 0, done.stderr
    assert engine.containers() == before


@pytest.mark.thorough
def test_containers_of_others_and_of_living_builds_stay(engine: Engine, tmp_path: Path) -> None:
    folder, before = recipe(tmp_path, engine, QUIET), engine.containers().split()
    with building(folder, tmp_path / "logs") as process:
        living = set(engine.containers().split()) - set(before)
        done = wizard("build", recipe(tmp_path / "other", engine), "--log-dir", tmp_path / "logs2")
        assert done.returncode == 0, done.stderr
        assert living and living <= set(engine.containers().split())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert engine.containers().split() == before


def test_a_mark_is_abandoned_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "from workbench.images.build_mark import new_mark; print(new_mark())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    theirs, own = done.stdout.strip(), new_mark()
    assert (is_abandoned(theirs), is_abandoned(own), is_abandoned("workbench-build-x")) == (True, False, False)
    boot, namespace, process, start, rest = own.removeprefix("workbench-build-").split("-")
    # The same number, taken by another process since; another boot; a process that is not seen from here.
    assert is_abandoned(f"workbench-build-{boot}-{namespace}-{process}-{int(start) - 1}-{rest}")
    assert is_abandoned(f"workbench-build-00000000-{namespace}-{process}-{start}-{rest}")
    assert not is_abandoned(f"workbench-build-{boot}-1-1-1-{rest}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{theirs}-a").mkdir()
    (tmp_path / f"{own}-b").mkdir()
    (tmp_path / f"{theirs}-link").symlink_to(REPOSITORY)
    with marked_folder(own) as folder:
        assert mark_in(folder) == own
        assert sorted(os.listdir(tmp_path)) == sorted([f"{own}-b", f"{theirs}-link", os.path.basename(folder)])
    assert not os.path.exists(folder)
