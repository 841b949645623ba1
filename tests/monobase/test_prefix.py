from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.errors import WorkbenchError
from workbench.monobase.prefix import Prefix, builder, point, staged

HOLD = """
import sys
from workbench.monobase.prefix import Prefix, builder
with builder(Prefix.at(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds the prefix until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert child.stdout is not None and child.stdout.readline() == "locked\n"
    return child


def test_a_second_builder_fails_at_once_when_it_must_not_wait(tmp_path: Path) -> None:
    with holding(tmp_path) as child:
        with pytest.raises(WorkbenchError) as error, builder(Prefix.at(str(tmp_path)), wait=False):
            pass
        child.kill()
    assert error.value.message.startswith(f"another builder has this prefix: process {child.pid} on ")


def test_a_second_builder_reports_that_it_waits_and_then_has_it(tmp_path: Path) -> None:
    messages: list[str] = []
    with holding(tmp_path) as child:

        def log(text: str) -> None:
            messages.append(text)
            child.kill()

        with builder(Prefix.at(str(tmp_path)), log=log):
            pass
    assert len(messages) == 1
    assert messages[0].startswith(f"waiting for another builder to leave {tmp_path}: process {child.pid} on ")


def test_a_killed_builder_leaves_no_lock_and_its_stage_is_cleared(tmp_path: Path) -> None:
    prefix = Prefix.at(str(tmp_path))
    with holding(tmp_path) as child:
        (tmp_path / "stage" / "half").mkdir(parents=True)
        child.kill()
    with builder(prefix, wait=False):
        assert not Path(prefix.stage).exists()


# Starts a program through `Uv`, as builders do; it reports that it runs, and writes below the stage a moment later.
START = """
import sys
from workbench.monobase.prefix import Prefix, builder
from workbench.monobase.uv import Uv
prefix = Prefix.at(sys.argv[1])
with builder(prefix):
    script = f'echo running >{sys.argv[2]}; read -r _ <{sys.argv[3]}; mkdir -p "$0"; echo late >"$0/late"'
    Uv("/bin/bash", "cache", "pythons").run("-c", script, prefix.stage, about="it")
"""


def test_what_a_killed_builder_started_ends_before_the_next_one_begins(tmp_path: Path) -> None:
    prefix, runs, end = Prefix.at(str(tmp_path / "prefix")), tmp_path / "runs", tmp_path / "end"
    os.mkfifo(runs)
    os.mkfifo(end)
    messages: list[str] = []
    with subprocess.Popen([sys.executable, "-c", START, prefix.root, runs, end], cwd=REPOSITORY) as child:
        assert runs.read_text() == "running\n"
        child.kill()

    def log(text: str) -> None:
        messages.append(text)
        end.write_text("now\n")

    with builder(prefix, log=log):
        assert not Path(prefix.stage).exists()
    (message,) = messages
    assert f"what process {child.pid} on " in message
    assert message.endswith(" started, and did not live to end")


def test_what_is_built_can_be_read_by_others_whatever_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        with builder(Prefix.at(str(tmp_path / "p"))):
            (tmp_path / "p" / "folder").mkdir()
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)
    assert (tmp_path / "p" / "folder").stat().st_mode & 0o777 == 0o755


def test_a_prefix_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="the prefix cannot be written"), builder(Prefix.at(f"{tmp_path}/file/p")):
        pass


def test_what_is_staged_goes_when_it_fails(tmp_path: Path) -> None:
    prefix = Prefix.at(str(tmp_path))
    with pytest.raises(ValueError), staged(prefix, "x") as folder:
        Path(folder, "half").write_text("")
        raise ValueError
    assert list(Path(prefix.stage).iterdir()) == []


def test_a_reader_finds_one_target_or_the_other_while_a_link_moves(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "marker").write_text(name)
    link = tmp_path / "latest"
    point(str(link), "one")
    read: list[str] = []
    stop = threading.Event()

    def reader() -> None:
        while not stop.is_set():
            read.append((link / "marker").read_text())

    thread = threading.Thread(target=reader)
    thread.start()
    for turn in range(2000):
        point(str(link), ("two", "one")[turn % 2])
    stop.set()
    thread.join()
    assert set(read) <= {"one", "two"} and read
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]


def test_a_folder_in_the_place_of_a_link_goes(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest/of-somebody").write_text("x")
    point(str(tmp_path / "latest"), "one")
    assert os.readlink(tmp_path / "latest") == "one"
    assert os.listdir(tmp_path) == ["latest"]
