"""What is left of a container when podman was killed while it made or removed it: storage without a container."""

from __future__ import annotations

import re
from urllib.parse import quote

from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError

_ID = re.compile(r"\b[0-9a-f]{64}\b")
# How podman's list shows it; that of an unfinished build has another command.
_KIND = ("storage", ["storage"])


def remove(http: PodmanHttp, error: EngineError) -> bool:
    """Remove the remains that podman names as the reason for a refusal; return whether there were any.

    They hold the name of the container and the image it was made from, and `podman rm` of the name finds nothing.
    """
    ids = set(_ID.findall(error.message))
    if not ids:
        return False
    rows = http.call("GET", "/containers/json", query={"all": True, "external": True}) or ()
    found = [row["Id"] for row in rows if row["Id"] in ids and (row.get("State"), row.get("Command")) == _KIND]
    for each in found:
        http.call("DELETE", f"/containers/{quote(each)}", query={"force": True, "timeout": 0}, okay=(404,))
    return bool(found)
