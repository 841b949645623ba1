"""Rules of netavark's that lead a port of the machine to a container that is no longer there.

Where podman is killed while it starts or ends a container, the rules of that moment stay for good, and nothing removes
them: the first rule of a port counts, so whoever is given the port next cannot be reached, though its container runs
and the port is bound (netavark 1.4 with iptables, podman 4.3, seen after kills; containers/netavark#890, 2024).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# The chains of netavark's that lead a network's ports to addresses (src/firewall/varktables/types.rs, 1.4).
_CHAIN = "NETAVARK-DN-"
_ANY = ("", "0.0.0.0")


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the machine: the address it is bound to ("" and 0.0.0.0 for all), its number, tcp or udp."""

    address: str
    number: int
    protocol: str


def published(details: dict[str, Any]) -> frozenset[PublishedPort]:
    """Return the ports of the machine that an inspected container has."""
    bindings = (details.get("HostConfig") or {}).get("PortBindings") or {}
    return frozenset(
        PublishedPort(bound.get("HostIp") or "", int(bound["HostPort"]), inside.rpartition("/")[2])
        for inside, each in bindings.items()
        for bound in each or ()
        if bound.get("HostPort")
    )


def addresses(details: dict[str, Any]) -> frozenset[str]:
    """Return the addresses that an inspected container has in its networks."""
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    return frozenset(each["IPAddress"] for each in networks.values() if each.get("IPAddress"))


def stale(rules: Iterable[str], ports: Iterable[PublishedPort], addresses: Iterable[str]) -> list[str]:
    """Return those of `rules` (as `iptables -S` prints them) by which one of `ports` leads past all of `addresses`."""
    wanted, there = set(ports), set(addresses)
    return [
        rule
        for rule in rules
        if (found := _Translation.of(rule))
        and found.target not in there
        and any(found.concerns(port) for port in wanted)
    ]


@dataclass(frozen=True, slots=True)
class _Translation:
    address: str
    protocol: str
    ports: range
    target: str

    @classmethod
    def of(cls, rule: str) -> _Translation | None:
        """Read a rule; None for one that translates no address."""
        if not rule.startswith(f"-A {_CHAIN}"):
            return None
        words = shlex.split(rule)
        values = dict(pairwise(words))
        target = re.fullmatch(r"([\d.]+)(:.*)?", values.get("--to-destination", ""))
        number = re.fullmatch(r"(\d+)(?::(\d+))?", values.get("--dport", ""))
        if values.get("-j") != "DNAT" or target is None or number is None:
            return None
        first = int(number[1])
        # Ports that follow each other inside and outside are one rule.
        numbers = range(first, int(number[2] or first) + 1)
        return cls(values.get("-d", "").removesuffix("/32"), values.get("-p", ""), numbers, target[1])

    def concerns(self, port: PublishedPort) -> bool:
        """Whether the rule is one of that port: of the same address, or of all."""
        is_same = self.address in _ANY or port.address in _ANY or self.address == port.address
        return is_same and self.protocol == port.protocol and port.number in self.ports
