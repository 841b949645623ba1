"""Rules of our own that keep bridges apart.

netavark's iptables driver has such rules for networks with the option `isolate`. But when the last container of one
such network ends, it removes the jump to the rules of all of them, until the next container starts on any of them
(src/firewall/varktables/types.rs, seen with 1.4.0, Debian 12's). Ours are in the table mangle, which comes before
what netavark accepts in the table filter, and nothing else removes them. netavark's nftables driver keeps its jump
(src/firewall/nft.rs) and needs no iptables: where there is none, nothing is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from workbench.replicasets.engines.podman import peer
from workbench.replicasets.engines.podman.bridges import remove_outlived
from workbench.replicasets.engines.podman.forwarding import addresses, published, stale
from workbench.replicasets.errors import EngineError
from workbench.replicasets.tools import is_installed, run_tool

# What comes from one of the bridges, and what goes to another one of them.
_FROM, _TO = "WORKBENCH-NETWORKS-1", "WORKBENCH-NETWORKS-2"
_JUMP = f"-A FORWARD -j {_FROM}"
# The exit code of nsenter(1) for a command that is not there.
_NOT_FOUND = 127
_TRIES = 5
_PAUSE_SECONDS = 0.1


class Firewall:
    """The rules of podman's network namespace, where podman listens at `socket` on this machine."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def separate(self, bridges: Collection[str]) -> None:
        """Let nothing pass from one of `bridges` to another of them, or to one that an earlier call named.

        `bridges` are all that this podman has. Raises EngineError when it cannot be done.
        """
        # The namespace of a normal user's networks is entered at a price, and has no other bridges.
        if not bridges or (_is_user() and len(bridges) == 1) or (command := self._command()) is None:
            return
        wanted = [f"-N {_TO}", f"-N {_FROM}", *(rule for bridge in bridges for rule in _rules(bridge)), _JUMP]
        for left in reversed(range(_TRIES)):
            try:
                _complete(command, wanted)
            except EngineError:
                # Another service may have added some just now; and a normal user's namespace is another one once its
                # last container ended, which podman 5 may be about now.
                if not left:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    @property
    def goes_with_containers(self) -> bool:
        """Whether the rules go when the last container ends: a normal user's, with podman's network namespace."""
        return _is_user()

    def forget(self, bridge: str) -> None:
        """Remove the rules of a bridge that no longer exists. A normal user's go with the last container."""
        command = None if _is_user() else self._command()
        if command is None:
            return
        there = _run(*_iptables(command), "-S").splitlines()
        for rule in _rules(bridge):
            if rule in there:
                _run(*_iptables(command), *rule.replace("-A", "-D", 1).split(), okay=(0, 1))

    def clear(self, bridge: str) -> None:
        """Remove a bridge that outlived its network. A normal user's go with the last container."""
        if not _is_user():
            remove_outlived(self._entered(), bridge)

    def forward(self, details: dict[str, Any]) -> None:
        """Remove the rules by which ports of an inspected container, which runs, lead to one that is gone.

        A normal user's ports are forwarded by a program, which ends with its container. Nothing is raised: a container
        is started whether its ports can be looked at or not.
        """
        ports, there = published(details), addresses(details)
        if _is_user() or not ports or not there:
            return
        with suppress(EngineError):
            if (command := self._command()) is not None:
                nat = (*command, "iptables", "-w", "-t", "nat")
                for rule in stale(run_tool(*nat, "-S").out.splitlines(), ports, there):
                    run_tool(*nat, *rule.replace("-A", "-D", 1).split())

    def _command(self) -> tuple[str, ...] | None:
        """Return what a command on the rules begins with, None where podman has no iptables."""
        entered = self._entered()
        if entered[:1] == ("nsenter",):
            found = bool(_run(*entered, "iptables", "--version", okay=(0, _NOT_FOUND)))
        else:
            found = is_installed("iptables")
        return entered if found else None

    def _entered(self) -> tuple[str, ...]:
        """Return the command that enters podman's network namespace, () when this process is in it."""
        process = peer.process_at(self._socket)
        try:
            if _is_user():
                # With other settings than that podman has, it would be another namespace, which is made.
                settings = (f"{name}={value}" for name, value in peer.settings_of(process).items())
                return "env", *settings, "podman", "unshare", "--rootless-netns"
            if any(peer.is_elsewhere(process, each) for each in ("mnt", "net")):
                return "nsenter", f"--target={process}", "--mount", "--net"
        except OSError as error:
            raise EngineError(
                f"networks cannot be kept apart: podman's process cannot be seen ({error.strerror})",
                hint="give the service the host's processes: see Deployment in docs/replica-sets.md",
            ) from None
        return ()


def _is_user() -> bool:
    return os.geteuid() != 0


def _rules(bridge: str) -> tuple[str, str]:
    # As `iptables -S` prints them.
    return f"-A {_FROM} -i {bridge} ! -o {bridge} -j {_TO}", f"-A {_TO} -o {bridge} -j DROP"


def _complete(command: tuple[str, ...], wanted: Collection[str]) -> None:
    """Add those of the rules that are not there, all or none of them."""
    there = _run(*_iptables(command), "-S").splitlines()
    if missing := [rule for rule in wanted if rule not in there]:
        text = "\n".join(("*mangle", *missing, "COMMIT", ""))
        _run(*command, "iptables-restore", "-w", "--noflush", text=text)


def _iptables(entered: tuple[str, ...]) -> tuple[str, ...]:
    return (*entered, "iptables", "-w", "-t", "mangle")


def _run(*command: str, okay: tuple[int, ...] = (0,), text: str = "") -> str:
    done = run_tool(*command, text=text)
    if done.code not in okay:
        # iptables ends with how to get help.
        hint = "the service changes iptables' rules: it needs CAP_NET_ADMIN and CAP_NET_RAW"
        raise EngineError(f"networks cannot be kept apart: {done.lines[0]}", hint="" if done.code is None else hint)
    return done.out
