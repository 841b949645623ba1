"""The rules that keep bridges apart, in the network namespace of whoever listens at podman's socket."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.engine import need_root, search_path
from tests.replicasets.engines.test_folders import listening
from workbench.replicasets.engines.podman import peer
from workbench.replicasets.engines.podman.firewall import Firewall
from workbench.replicasets.errors import EngineError


@pytest.fixture(autouse=True)
def _needs() -> None:
    need_root("rules of a firewall cannot be changed")
    if shutil.which("iptables", path=search_path()) is None:
        pytest.skip("iptables not installed")


def rules(process: int | str = "self") -> list[str]:
    """The rules of the network that a process is in."""
    command = ["nsenter", f"--net=/proc/{process}/ns/net", "iptables", "-w", "-t", "mangle", "-S"]
    env = {**os.environ, "PATH": search_path()}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.splitlines()


def test_they_are_podmans_wherever_it_is() -> None:
    with listening("unshare", "--mount", "--net") as (address, process):
        firewall = Firewall(address.removeprefix("unix://"))
        for _ in range(2):
            firewall.separate({"wbtest1", "wbtest2"})
        there = [rule for rule in rules(process) if "wbtest1" in rule]
        assert there == [
            "-A WORKBENCH-NETWORKS-1 -i wbtest1 ! -o wbtest1 -j WORKBENCH-NETWORKS-2",
            "-A WORKBENCH-NETWORKS-2 -o wbtest1 -j DROP",
        ]
        assert rules(process).count("-A FORWARD -j WORKBENCH-NETWORKS-1") == 1
        assert not [rule for rule in rules() if "wbtest" in rule]
        for _ in range(2):
            firewall.forget("wbtest1")
        assert {word for rule in rules(process) for word in rule.split() if word.startswith("wb")} == {"wbtest2"}


def test_what_cannot_be_done_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (address, _):
        firewall = Firewall(address.removeprefix("unix://"))
        monkeypatch.setattr(peer, "process_at", lambda _path: 0)
        with pytest.raises(EngineError, match="podman's process cannot be seen") as error:
            firewall.separate({"wbtest1"})
        assert "Deployment" in error.value.hint
        monkeypatch.undo()
        with pytest.raises(EngineError, match=r"networks cannot be kept apart: .*wb/test"):
            firewall.separate({"wb/test too long for a bridge"})
