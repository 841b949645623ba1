"""What is known of bases, kept between builds: the layers that an image names distinguish it from every other one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from workbench.errors import WorkbenchError
from workbench.files import cache_folder, write_whole
from workbench.images.probe import base as probe

_TYPES = {"str": str, "bool": bool, "frozenset[str]": list, "Mapping[str, str]": dict}


def remembered(image: str, config: Mapping[str, Any], inspect: Callable[[], probe.BaseInfo]) -> probe.BaseInfo:
    """Return what `inspect` returns of an image, or returned of the same one before, from the user's cache folder.

    The same is one whose `config` names the same layers and variables, while the same
    things are read. An image without layers is inspected each time.
    """
    layers = (config.get("rootfs") or {}).get("diff_ids")
    if not layers:
        return inspect()
    with open(probe.__file__, "rb") as ours:
        form = hashlib.file_digest(ours, "sha256").hexdigest()
    known_by = json.dumps([form, layers, (config.get("config") or {}).get("Env")])
    path = os.path.join(cache_folder("bases"), hashlib.sha256(known_by.encode()).hexdigest() + ".json")
    if (known := _read(image, path)) is not None:
        return known
    base = inspect()
    try:
        write_whole(path, json.dumps({**asdict(base), "chosen": sorted(base.chosen)}))
    except WorkbenchError:
        pass  # without a cache the next build inspects again, and that is all
    return base


def _read(image: str, path: str) -> probe.BaseInfo | None:
    """Return what a file keeps, None when there is none or it is not one of ours."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict):
        return None
    data["image"] = image
    if any(not isinstance(data.get(each.name), _TYPES[str(each.type)]) for each in fields(probe.BaseInfo)):
        return None
    return probe.BaseInfo(
        **{each.name: data[each.name] for each in fields(probe.BaseInfo)} | {"chosen": frozenset(data["chosen"])}
    )
