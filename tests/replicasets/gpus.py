"""GPUs that a machine without any has: CDI specs of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engine import rootless


def cdi_spec(folder: Path, kind: str, gpus: int, version: str = "0.5.0") -> Path:
    """Write a CDI spec of so many fake GPUs, each known by index and by UUID, and `all`."""
    devices: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = [
        {"path": f"/dev/nvidia{n}", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3} for n in range(gpus)
    ]
    for number, node in enumerate(nodes):
        edits = _edits([{**node, "permissions": "rw"}])
        devices += [{"name": name, "containerEdits": edits} for name in (str(number), f"GPU-fake{number:04d}")]
    devices.append({"name": "all", "containerEdits": _edits(nodes)})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind.replace('/', '-')}.json"
    path.write_text(json.dumps({"cdiVersion": version, "kind": kind, "devices": devices}))
    return path


def _edits(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """What a CDI device adds to a container. A normal user makes no devices, and is given those of the same path."""
    if not rootless():
        return {"deviceNodes": nodes}
    return {
        "mounts": [{"hostPath": node["hostPath"], "containerPath": node["path"], "options": ["bind"]} for node in nodes]
    }
