from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine import free_port
from tests.test_podman import fake_podman
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.launch import ports, preflight
from workbench.launch.gpus import AMD, gpu_options
from workbench.launch.names import check_workbench_name, workbench_name
from workbench.launch.plan import PACKAGES, ROOT, Step


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A normal user on a machine that has podman alone; returns the folder of its programs."""
    fake_podman(tmp_path, monkeypatch, "echo podman version 5.4.2")
    monkeypatch.setenv("PATH", f"{tmp_path}:{tmp_path}/tools")
    (tmp_path / "tools").mkdir()
    # The shell and what it needs to record a call.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(preflight, "_PATH", ())
    monkeypatch.setattr(preflight, "_cgroup", lambda user: ())
    monkeypatch.setattr(preflight, "_TUN", os.devnull)
    return tmp_path / "tools"


def install(folder: Path, *programs: str) -> None:
    for name in programs:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


def lacking() -> list[str]:
    try:
        preflight.check_user()
    except FaultsError as error:
        return [message for _, message in error.faults]
    return []


def test_everything_that_is_missing_is_named_at_once(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_subordinates", lambda file, user: 0)
    uidmap, ids, network = lacking()
    assert uidmap.startswith("newuidmap is not installed: `sudo apt-get install uidmap`")
    assert "has fewer than 65536 IDs in /etc/subuid and /etc/subgid: `sudo usermod --add-subuids" in ids
    assert network.startswith("pasta is not installed: `sudo apt-get install passt`")


def test_a_user_who_has_all_of_it(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_subordinates", lambda file, user: 65536)
    install(user, "newuidmap", "newgidmap", "pasta")
    assert lacking() == []


def test_podman_4_takes_slirp4netns(user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_subordinates", lambda file, user: 65536)
    install(user, "newuidmap", "newgidmap", "pasta")
    (tmp_path / "podman").write_text("#!/bin/sh\necho podman version 4.3.1\n")
    (message,) = lacking()
    assert message.startswith("slirp4netns is not installed: `sudo apt-get install slirp4netns`")
    install(user, "slirp4netns")
    assert lacking() == []


def test_a_machine_without_the_device_of_networks(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_subordinates", lambda file, user: 65536)
    install(user, "newuidmap", "newgidmap", "pasta")
    monkeypatch.setattr(preflight, "_TUN", str(user / "tun"))
    (message,) = lacking()
    assert message.endswith("tun cannot be opened, so containers would have no network: `sudo modprobe tun`")
    (user / "tun").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(user / "tun"))
    (message,) = lacking()
    assert message.endswith(": `sudo chmod 666 /dev/net/tun`")


@pytest.mark.parametrize(("driver", "cure"), [("overlay", False), ("vfs", True)])
def test_a_storage_that_copies_every_layer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str, cure: bool
) -> None:
    fake_podman(tmp_path, monkeypatch, f"echo /store; echo {driver}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (">~/.config/containers/storage.conf`" in preflight.storage_note()) is cure


def test_root_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert lacking() == []


def test_a_root_image_from_packages_needs_debootstrap(user: Path) -> None:
    with pytest.raises(WorkbenchError) as error:
        preflight.check_steps([Step(ROOT, "localhost/x:os", PACKAGES)], 0)
    assert "apt-get install debootstrap" in error.value.hint


def test_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    assert ports.free_ports(port)[0] == port
    ports.check_port(port)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port not in ports.free_ports(port)
        with pytest.raises(WorkbenchError, match=f"port {port} of this machine is taken"):
            ports.check_port(port)
    for number in (0, 65536):
        with pytest.raises(UsageError):
            ports.check_port(number)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(ports, "first_unprivileged", lambda: 1024)
    with pytest.raises(WorkbenchError, match="a normal user may not listen on port 80: this machine begins at 1024"):
        ports.check_port(80)


def spec(kind: str, version: str = "0.5.0") -> str:
    edits = '{"env": ["A=%d"]}'
    devices = ", ".join(f'{{"name": "{at}", "containerEdits": {edits % at}}}' for at in range(2))
    return f'{{"cdiVersion": "{version}", "kind": "{kind}", "devices": [{devices}]}}'


def test_gpus_are_those_that_cdi_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cdi"
    folder.mkdir()
    assert gpu_options("", (str(folder),)) == ([], "")
    fake_podman(tmp_path, monkeypatch, "echo 4.3.1")
    (folder / "nvidia.json").write_text(spec("nvidia.com/gpu"))
    assert gpu_options("", (str(folder),)) == (["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1"], "")
    (folder / "nvidia.json").write_text(spec("nvidia.com/gpu", "0.8.0"))
    options, note = gpu_options("", (str(folder),))
    assert options == []
    assert note.endswith("is of CDI 0.8.0, and this podman reads up to 0.5.0")
    (folder / "nvidia.json").write_text("{")
    options, note = gpu_options("", (str(folder),))
    assert (options, "cannot be read" in note) == ([], True)


def test_names() -> None:
    assert workbench_name("cuda-jupyter-my-bundle-bookworm-py311_2026a_20261122") == (
        "cuda-jupyter-my-bundle-bookworm-py311_2026a"
    )
    assert check_workbench_name("workbench-mine") == "mine"
    for wrong in ("", "../x", "a b", "-x", "x/y", "x;y", "a" * 101):
        with pytest.raises(UsageError):
            check_workbench_name(wrong)


def test_an_image_for_rocm_is_given_the_devices_of_amd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cdi, kfd, dri = tmp_path / "cdi", tmp_path / "kfd", tmp_path / "dri"
    cdi.mkdir()
    devices = (str(kfd), str(dri))
    assert gpu_options(AMD, (str(cdi),), devices) == (
        [],
        f"no GPUs of AMD: this machine has no {kfd}, and no CDI spec of amd.com/gpu",
    )
    kfd.touch()
    (dri / "by-path").mkdir(parents=True)
    for name in ("card0", "renderD128"):
        (dri / name).touch()
    nodes = {kfd: 105, dri / "card0": 44, dri / "renderD128": 105}
    if os.geteuid() == 0:
        for node, group in nodes.items():
            os.chown(node, -1, group)
    groups = sorted({node.stat().st_gid for node in nodes})
    given = [f"--device={kfd}", f"--device={dri}"]
    # Every image has the GPUs of CDI; only one that is for AMD's has these.
    assert gpu_options("", (str(cdi),), devices) == ([], "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert gpu_options(AMD, (str(cdi),), devices) == ([*given, *(f"--group-add={group}" for group in groups)], "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert gpu_options(AMD, (str(cdi),), devices) == ([*given, "--group-add=keep-groups"], "")
    fake_podman(tmp_path, monkeypatch, "echo 5.4.2")
    (cdi / "amd.json").write_text(spec(AMD))
    assert gpu_options(AMD, (str(cdi),), devices) == (["--device=amd.com/gpu=0", "--device=amd.com/gpu=1"], "")
