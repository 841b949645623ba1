"""Ports of the machine that lead past the container that has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine import TINY, need_root, search_path, wait_for
from tests.networks import session_number
from workbench.replicasets.engines.podman.forwarding import PublishedPort, addresses, published, stale
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets

# What was there after a podman had been killed, and after it the rules of others.
LEFT = (
    "-A NETAVARK-DN-C1F343AEC4C1B -d 127.0.0.1/32 -p tcp -m tcp --dport 19000 -j DNAT --to-destination 10.70.129.2:80"
)
RULES = [
    "-N NETAVARK-DN-C1F343AEC4C1B",
    '-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 19000 -m comment --comment "dnat name: a id: b" -j NETAVARK-DN-X',
    "-A NETAVARK-DN-X -s 127.0.0.1/32 -d 127.0.0.1/32 -p tcp -m tcp --dport 19000 -j NETAVARK-HOSTPORT-SETMARK",
    LEFT,
    LEFT.replace("129.2:80", "130.6:80"),
    "-A POSTROUTING -j NETAVARK-HOSTPORT-MASQ",
]


@pytest.mark.parametrize(
    ("rule", "is_stale"),
    [
        (LEFT, True),
        (LEFT.replace("-d 127.0.0.1/32 ", ""), True),
        (LEFT.replace("--dport 19000", "--dport 18999:19001").replace(":80", ":79-81/79"), True),
        (LEFT.replace("--dport 19000", "--dport 18990:18999"), False),
        (LEFT.replace("--dport 19000", "--dport 1900"), False),
        (LEFT.replace("tcp", "udp"), False),
        (LEFT.replace("-d 127.0.0.1/32", "-d 192.0.2.9/32"), False),
        (LEFT.replace("10.70.129.2", "10.70.130.6"), False),
        (LEFT.replace("NETAVARK-DN-", "MINE-"), False),
        (LEFT.replace("-A ", "-N "), False),
    ],
)
def test_a_rule_that_leads_elsewhere_is_stale(rule: str, is_stale: bool) -> None:
    found = stale([*RULES[:3], rule, *RULES[4:]], [PublishedPort("127.0.0.1", 19000, "tcp")], ["10.70.130.6"])
    assert found == ([rule] if is_stale else [])


@pytest.mark.parametrize("address", ["", "0.0.0.0"])
def test_a_port_of_all_addresses_is_everybodys(address: str) -> None:
    elsewhere = LEFT.replace("-d 127.0.0.1/32", "-d 192.0.2.9/32")
    assert stale([elsewhere], [PublishedPort(address, 19000, "tcp")], ["10.70.130.6"]) == [elsewhere]


def test_ports_and_addresses_are_those_of_an_inspected_container() -> None:
    details: dict[str, Any] = {
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "19000"}], "53/udp": None}},
        "NetworkSettings": {"Networks": {"a": {"IPAddress": "10.1.2.3"}, "b": {"IPAddress": ""}}},
    }
    assert published(details) == {PublishedPort("", 19000, "tcp")} and addresses(details) == {"10.1.2.3"}
    assert not published({}) and not addresses({"NetworkSettings": None})


def nat(*words: str) -> str:
    env = {**os.environ, "PATH": search_path()}
    command = ["iptables", "-w", "-t", "nat", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


@pytest.mark.parametrize("operation", ["restart", "stop and restart", "another set"])
def test_a_set_is_reached_where_a_killed_podman_left_rules_of_its_port(
    operation: str, room: Callable[..., ReplicaSets]
) -> None:
    need_root("rules of a firewall cannot be changed")
    if shutil.which("iptables", path=search_path()) is None:
        pytest.skip("iptables not installed")
    rs = room()
    command = ["sh", "-c", "httpd -p 80 -h /etc; sleep 1000"]
    port = rs.run(RunRequest(TINY, "foo", ports=["80"], command=command)).ports[0].host
    (chain,) = {
        line.split()[1] for line in nat("-S").splitlines() if f"--dport {port} " in line and "DNAT --to" in line
    }
    wait_for(f"http://127.0.0.1:{port}/hostname", 20)
    # To an address that nobody has, before all others.
    left = f"{chain} -d 127.0.0.1/32 -p tcp --dport {port} -j DNAT --to-destination 10.{session_number()}.255.7:80"
    nat("-I", *left.split())
    if operation == "another set":
        rs.delete("foo")
        assert rs.run(RunRequest(TINY, "bar", ports=["80"], command=command)).ports[0].host == port
    else:
        if operation.startswith("stop"):
            rs.stop("foo")
        rs.restart("foo")
    wait_for(f"http://127.0.0.1:{port}/hostname", 20)
    assert f"10.{session_number()}.255.7" not in nat("-S")
