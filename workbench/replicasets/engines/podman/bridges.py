"""Bridges that outlived their network.

Where podman is killed while it starts a container, the container's network namespace stays for good, and with it the
bridge that it is on, though the network is removed. A network that is created again gets another subnet then, since
podman sees the old one in use; but netavark finds the bridge and leaves its address as it is. So no container of the
network is reached (netavark 1.4, podman 4.3, seen after kills).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workbench.replicasets.tools import is_installed, run_tool


def remove_outlived(entered: Sequence[str], bridge: str) -> bool:
    """Remove a bridge of no network, with the namespaces on it in which nothing runs; return whether it was there.

    `entered` is what a command in podman's network namespace begins with. A bridge on which something runs is another
    podman's, and stays; so does one where that cannot be seen.
    """
    if not entered and not is_installed("ip"):
        return False
    if not _listed(entered, "-details", "link", "show", "dev", bridge, "type", "bridge"):
        return False
    names = {each.get("id"): str(each["name"]) for each in _listed(entered, "netns", "list")}
    namespaces: list[str] = []
    for link in _listed(entered, "-details", "link", "show", "master", bridge):
        namespace = names.get(link.get("link_netnsid", -1), "")
        processes = run_tool(*entered, "ip", "netns", "pids", namespace) if namespace else None
        if processes is None or processes.code != 0 or processes.out.strip():
            return False
        namespaces.append(namespace)
    for namespace in namespaces:
        run_tool(*entered, "ip", "netns", "delete", namespace)
    return run_tool(*entered, "ip", "link", "delete", bridge, "type", "bridge").code == 0


def _listed(entered: Sequence[str], *words: str) -> list[dict[str, Any]]:
    done = run_tool(*entered, "ip", "-json", *words)
    try:
        return [each for each in json.loads(done.out or "[]") if each] if done.code == 0 else []
    except ValueError:
        return []
