"""What podman put into an image that it made of a container's disk: it leaves out what it cannot read, silently."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import quote

from workbench.replicasets.engines.podman.http import LONG_SECONDS, PodmanHttp
from workbench.replicasets.errors import EngineError

UNFINISHED = "localhost/workbench-unfinished"
# The kinds of a change, as podman numbers them.
_DELETED = 2
# os.ModeSocket of Go, in which podman describes files.
_SOCKET = 1 << 24
_CARRY = "let the service copy disks itself: see `Deployment` in docs/replica-sets.md"


def unfinished() -> str:
    """Return a name that no image has, for one that is being made."""
    return f"{UNFINISHED}:{secrets.token_hex(16)}"


def changes(http: PodmanHttp, container: str) -> frozenset[str]:
    """Return the paths that a container added to its image or changed; raises EngineError when podman cannot read one.

    A path of more than 4,096 bytes, for one (podman 4.3 and 5.4, 2026): its commit only logs that, and leaves it out.
    """
    try:
        return _changes(http, f"/containers/{quote(container, safe='')}")
    except EngineError as error:
        raise EngineError(
            f"podman cannot read the whole disk of {container}: {error.message}", error.status, hint=_CARRY
        ) from None


def check(http: PodmanHttp, container: str, changed: frozenset[str], image: str) -> None:
    """Raise EngineError, and remove the image, unless it has all that the container changed; sockets may lack."""
    lost = sorted(changed - _changes(http, f"/images/{quote(image, safe='')}"))
    files = [path for path in lost if not _is_socket(http, container, path)]
    if files:
        http.call("DELETE", f"/images/{quote(image, safe='')}", okay=(404,))
        raise EngineError(f"podman left {len(files)} paths of {container} out, {files[0][:200]} first", hint=_CARRY)


def _changes(http: PodmanHttp, what: str) -> frozenset[str]:
    rows = http.call("GET", f"{what}/changes", seconds=LONG_SECONDS) or ()
    return frozenset(row["Path"] for row in rows if row["Kind"] != _DELETED)


def _is_socket(http: PodmanHttp, container: str, path: str) -> bool:
    place = f"/containers/{quote(container, safe='')}/archive"
    described = http.head(place, {"path": path}, "X-Docker-Container-Path-Stat")
    return bool(described) and bool(json.loads(base64.b64decode(described))["mode"] & _SOCKET)
