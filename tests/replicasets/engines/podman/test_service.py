from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine import TINY, Engine, started
from workbench.errors import WorkbenchError
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.engines.podman.service import PodmanService, socket_folder
from workbench.replicasets.errors import EngineGone


@pytest.fixture
def long_path(tmp_path: Path) -> Path:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    return folder


def test_a_state_folder_with_a_long_path_has_its_socket_elsewhere(
    engine: Engine, long_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    service = PodmanService(str(long_path))
    try:
        for _ in range(2):
            service.ensure()
        client = PodmanEngine(service.address)
        client.check()
        client.close()
    finally:
        service.close()
    (folder,) = short_path.glob("workbench-*")
    assert service.address.startswith(f"unix://{folder}/")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in long_path.iterdir()} == {"podman.log", "podman.pid", "podman.tmp"}


def test_the_folder_of_the_socket_is_short_and_the_service_s_own(
    long_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    other = f"{long_path}/other"
    assert Path(socket_folder(str(long_path))).parent == short_path
    assert socket_folder(str(long_path)) == socket_folder(str(long_path)) != socket_folder(other)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long_path))
    monkeypatch.setattr("tempfile.tempdir", str(long_path))
    assert Path(socket_folder(str(long_path))).parent == Path("/tmp")
    assert socket_folder("/var/lib/workbench") == ""


def test_a_folder_that_others_may_write_in_holds_no_socket(
    engine: Engine, long_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    folder = Path(socket_folder(str(long_path)))
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(WorkbenchError) as error:
        PodmanService(str(long_path)).ensure()
    assert error.value.where == str(folder)
    assert "--state" in error.value.hint
    assert not os.listdir(folder)


def test_one_that_runs_and_cannot_be_reached_is_replaced(engine: Engine, short_path: Path) -> None:
    service = PodmanService(str(short_path))
    try:
        service.ensure()
        first = int((short_path / "podman.pid").read_text())
        service.ensure()
        assert int((short_path / "podman.pid").read_text()) == first
        (short_path / "podman.sock").unlink()
        service.ensure()
        assert not Path(f"/proc/{first}").exists()
        client = PodmanEngine(service.address)
        client.check()
        client.close()
    finally:
        service.close()


def test_one_that_accepts_and_answers_nothing_is_replaced(engine: Engine, short_path: Path) -> None:
    """As one does that is being killed."""
    service = PodmanService(str(short_path))
    address = short_path / "podman.sock"
    try:
        service.ensure()
        first = int((short_path / "podman.pid").read_text())
        address.unlink()
        with socket.socket(socket.AF_UNIX) as dying:
            dying.bind(str(address))
            dying.listen()
            closing = threading.Thread(target=lambda: dying.accept()[0].close())
            closing.start()
            service.ensure()
            closing.join()
        assert int((short_path / "podman.pid").read_text()) != first
        assert not Path(f"/proc/{first}").exists()
    finally:
        service.close()


@pytest.fixture
def own(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """podman with a store of this test's own: who kills it while it records a disk leaves half an image in it."""
    (short_path / "own").mkdir()
    with started(short_path / "own") as engine:
        for name, value in engine.env.items():
            monkeypatch.setenv(name, value)
        yield engine


@pytest.mark.thorough
def test_what_podman_was_writing_when_it_was_killed_is_gone_with_its_next_start(own: Engine, tmp_path: Path) -> None:
    service = PodmanService(str(tmp_path))
    temporary = tmp_path / "podman.tmp"
    try:
        service.ensure()
        own("run", "--name", "large", TINY, "sh", "-c", "head -c 200000000 /dev/urandom >/large")
        with ThreadPoolExecutor(1) as pool:
            recording = pool.submit(PodmanEngine(service.address).commit, "large", "localhost/large:1")
            deadline = time.monotonic() + 60
            while not any(temporary.iterdir()):
                assert time.monotonic() < deadline and not recording.done(), "it writes nothing there"
                time.sleep(0.01)
            os.kill(int((tmp_path / "podman.pid").read_text()), signal.SIGKILL)
            with pytest.raises(EngineGone):
                recording.result()
        assert any(temporary.iterdir()), "it left nothing"
        service.ensure()
        assert not any(temporary.iterdir())
    finally:
        service.close()
