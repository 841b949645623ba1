"""/etc/hosts and /etc/resolv.conf of a container: podman writes them anew for each start, over what was edited there.

They are files of podman's own on the host, mounted over empty ones of the container's disk (podman 4.3 and 5.4), so
they are in no image of that disk and in no copy of it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

from workbench.replicasets.engines.podman import requests
from workbench.replicasets.engines.podman.http import PodmanHttp

_PLACES = {"/etc/hosts": "HostsPath", "/etc/resolv.conf": "ResolvConfPath"}
# Somebody may have appended to one for ever.
_MOST = 256 << 10
_NEVER = "0001-"


def edited(http: PodmanHttp, details: dict[str, Any]) -> dict[str, str | None]:
    """Return what was edited since the last start of an inspected container: the text by path inside.

    The line of the container itself is left out of /etc/hosts. None is a file that was edited and cannot be read here.
    """
    started = details["State"].get("StartedAt", _NEVER)
    if started.startswith(_NEVER):
        return {}
    since, found = _seconds(started), dict[str, str | None]()
    for path, place in _PLACES.items():
        try:
            with open(details.get(place) or "", "rb") as file:
                if os.fstat(file.fileno()).st_mtime > since:
                    text = file.read(_MOST + 1).decode(errors="surrogateescape")
                    found[path] = None if len(text) > _MOST else _without(text, details) if "hosts" in path else text
        except OSError:
            # Where podman's files are out of reach it describes them, while the container has processes.
            if details["State"].get("Pid") and _seconds(_modified(http, details["Id"], path) or started) > since:
                found[path] = None
    return found


def start(
    http: PodmanHttp, inspect: Callable[[], dict[str, Any]], begin: Callable[[], None], files: Mapping[str, str]
) -> None:
    """Start a container with those texts in the place of podman's, from its first instruction on."""
    details = inspect()
    if not requests.inspected(details).is_alive:
        http.call("POST", f"/containers/{quote(details['Id'])}/init", okay=(304,))
        details = inspect()
        for path, text in files.items():
            # They could be read once. A set is started without them rather than not at all.
            with suppress(OSError):
                _write(details, path, text)
    begin()
    # They count as edited in this container too. The kernel's clock of files may be some milliseconds behind.
    after = int((_seconds(inspect()["State"]["StartedAt"]) + 0.01) * 1e9)
    for path in files:
        with suppress(OSError):
            os.utime(details[_PLACES[path]], ns=(after, after))


def _write(details: dict[str, Any], path: str, text: str) -> None:
    place = details.get(_PLACES[path]) or ""
    with open(place, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
        own = _own_lines(file.read(), details) if "hosts" in path else ""
        file.seek(0)
        file.truncate()
        file.write(f"{text.rstrip(chr(10))}\n{own}" if own else text)


def _own_lines(text: str, details: dict[str, Any]) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if _is_own(line, details))


def _without(text: str, details: dict[str, Any]) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _is_own(line, details))


def _is_own(line: str, details: dict[str, Any]) -> bool:
    return details["Id"][:12] in line.partition("#")[0].split()[1:]


def _modified(http: PodmanHttp, container: str, path: str) -> str:
    place = f"/containers/{quote(container)}/archive"
    described = http.head(place, {"path": path}, "X-Docker-Container-Path-Stat")
    return str(json.loads(base64.b64decode(described))["mtime"]) if described else ""


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
