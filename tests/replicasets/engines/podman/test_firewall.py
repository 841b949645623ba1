"""The rules that keep bridges apart, in the network namespace of whoever listens at podman's socket."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.engine import need_root, search_path
from tests.replicasets.engines.test_folders import listening
from workbench.replicasets.engines.podman import firewall, peer
from workbench.replicasets.engines.podman.firewall import Firewall
from workbench.replicasets.errors import EngineError
from workbench.replicasets.tools import ToolResult


@pytest.fixture
def _needs() -> None:
    need_root("rules of a firewall cannot be changed")
    if shutil.which("iptables", path=search_path()) is None:
        pytest.skip("iptables not installed")


def rules(process: int | str = "self") -> list[str]:
    """The rules of the network that a process is in."""
    command = ["nsenter", f"--net=/proc/{process}/ns/net", "iptables", "-w", "-t", "mangle", "-S"]
    env = {**os.environ, "PATH": search_path()}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.splitlines()


@pytest.mark.usefixtures("_needs")
def test_they_are_podmans_wherever_it_is() -> None:
    with listening("unshare", "--mount", "--net") as (address, process):
        made = Firewall(address.removeprefix("unix://"))
        for _ in range(2):
            made.separate({"wbtest1", "wbtest2"})
        there = [rule for rule in rules(process) if "wbtest1" in rule]
        assert there == [
            "-A WORKBENCH-NETWORKS-1 -i wbtest1 ! -o wbtest1 -j WORKBENCH-NETWORKS-2",
            "-A WORKBENCH-NETWORKS-2 -o wbtest1 -j DROP",
        ]
        assert rules(process).count("-A FORWARD -j WORKBENCH-NETWORKS-1") == 1
        assert not [rule for rule in rules() if "wbtest" in rule]
        for _ in range(2):
            made.forget("wbtest1")
        assert {word for rule in rules(process) for word in rule.split() if word.startswith("wb")} == {"wbtest2"}


@pytest.mark.usefixtures("_needs")
def test_what_cannot_be_done_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (address, _):
        made = Firewall(address.removeprefix("unix://"))
        monkeypatch.setattr(peer, "process_at", lambda _path: 0)
        with pytest.raises(EngineError, match="podman's process cannot be seen") as error:
            made.separate({"wbtest1"})
        assert "Deployment" in error.value.hint
        monkeypatch.undo()
        with pytest.raises(EngineError, match=r"networks cannot be kept apart: .*wb/test"):
            made.separate({"wb/test too long for a bridge"})


def test_a_normal_user_s_are_set_where_the_settings_of_podman_lead_and_again_when_that_place_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its namespace goes with the last container, and the service may have been started with other settings."""
    requests: list[tuple[str, ...]] = []
    texts: list[str] = []

    def tool(*command: str, text: str = "") -> ToolResult:
        requests.append(command)
        if "iptables-restore" in command:
            texts.append(text)
            return ToolResult(command[0], 1 if len(texts) == 1 else 0, err="No chain/target/match by that name.")
        return ToolResult(command[0], 0, out="-P FORWARD ACCEPT\n-N WORKBENCH-NETWORKS-1\n")

    monkeypatch.setattr(firewall, "run_tool", tool)
    monkeypatch.setattr(firewall, "is_installed", lambda _name: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with listening("env", "XDG_RUNTIME_DIR=/run/podmans", "SECRET=1") as (address, _):
        found = Firewall(address.removeprefix("unix://"))
        assert found.goes_with_containers
        found.separate({"wbtest1", "wbtest2"})
        found.separate({"wbtest1"})
    assert len(texts) == 2 and texts[0] == texts[1]
    assert (
        texts[0].splitlines()[:2] == ["*mangle", "-N WORKBENCH-NETWORKS-2"]
        and "-N WORKBENCH-NETWORKS-1" not in texts[0]
    )
    assert texts[0].count("-j DROP") == 2 and texts[0].endswith("-A FORWARD -j WORKBENCH-NETWORKS-1\nCOMMIT\n")
    for command in requests:
        assert command[0] == "env" and "XDG_RUNTIME_DIR=/run/podmans" in command
        assert "SECRET=1" not in command and "--rootless-netns" in command
