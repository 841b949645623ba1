from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import TINY, Engine
from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.package_index import missing_packages
from workbench.images.podman.store import PodmanStore


def test_only_the_exact_name_exists(engine: Engine) -> None:
    engine("tag", TINY, "localhost/exact:cuda-jupyter-minimal_2026a_20261122")
    assert podman.exists("localhost/exact:cuda-jupyter-minimal_2026a_20261122")
    for near in (
        "localhost/exact:jupyter-minimal_2026a_20261122",
        "localhost/exact:cuda-jupyter-minimal_2026a",
        "localhost/exac:cuda-jupyter-minimal_2026a_20261122",
        "quay.io/exact:cuda-jupyter-minimal_2026a_20261122",
    ):
        assert not podman.exists(near), near


def test_without_podman(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not podman.is_installed()
    with pytest.raises(WorkbenchError, match="podman is not installed") as error:
        podman.exists("localhost/any:1")
    assert "apt-get install podman" in error.value.hint


def test_a_podman_that_fails_reports_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_podman(
        tmp_path, monkeypatch, "echo 'level=warning other' >&2; echo 'Error: the store is locked' >&2; exit 125"
    )
    with pytest.raises(WorkbenchError) as error:
        podman.exists("localhost/any:1")
    assert error.value.message == "podman cannot look for localhost/any:1: the store is locked"
    with pytest.raises(WorkbenchError) as error:
        podman.output("tag it", "tag", "a", "b", hint="do this")
    assert (error.value.message, error.value.hint) == ("podman cannot tag it: the store is locked", "do this")


def test_where_images_are_kept_is_looked_up_once_for_each_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = fake_podman(tmp_path, monkeypatch, "echo /store; echo overlay")
    for _ in range(2):
        assert podman.image_store() == ("/store", "overlay")
    assert record.read_text().count("info ") == 1
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", "/another")
    assert podman.image_store().driver == "overlay"
    assert record.read_text().count("info ") == 2


def fake_podman(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a podman first on the PATH that runs `script`, and return the file that records its arguments."""
    program, record = folder / "podman", folder / "calls"
    program.write_text(f'#!/bin/sh\necho "$*" >>{record}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return record


def test_limits_are_lowered_only_where_they_must_be() -> None:
    lowered = podman.lowered_limits()
    with open("/proc/self/status") as status:
        effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    assert bool(lowered) == (not int(effective, 16) >> 24 & 1)
    assert all(most > 0 for most in lowered.values()) and lowered.keys() <= {"nofile", "nproc"}


def test_whatever_is_run_in_an_image_has_limits_that_it_can_be_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in an image, and which packages its manager knows, is read in a container of it."""
    record = fake_podman(tmp_path, monkeypatch, "exit 0")
    monkeypatch.setattr(podman, "lowered_limits", lambda: {"nofile": 64, "nproc": 65})
    PodmanStore().run("localhost/a:1", ["true"], user="0", environment={}, seconds=60)
    missing_packages("localhost/a:1", ["curl"])
    runs = [line for line in record.read_text().splitlines() if line.startswith("run ")]
    assert len(runs) == 2 and all("--ulimit=nofile=64:64 --ulimit=nproc=65:65 " in line for line in runs)


@pytest.mark.parametrize(
    ("printed", "expected"), [("podman version 4.3.1", (4, 3)), ("podman version 5.4.2-rc1", (5, 4)), ("", (0,))]
)
def test_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, expected: tuple[int, ...]) -> None:
    record = fake_podman(tmp_path, monkeypatch, f"echo '{printed}'")
    assert podman.version() == expected
    assert record.read_text() == "--version\n"
