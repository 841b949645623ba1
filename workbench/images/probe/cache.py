"""What bases said of themselves, remembered: the layers that an image names tell it from every other one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from workbench.errors import WorkbenchError
from workbench.files import cache_folder, write_whole
from workbench.images.probe import base as look

_TYPES = {"str": str, "bool": bool, "frozenset[str]": list, "Mapping[str, str]": dict}


def remembered(image: str, config: Mapping[str, Any], ask: Callable[[], look.Base]) -> look.Base:
    """Return what `ask` says of an image, or what it said of the same one before, in the user's cache folder.

    The same is one whose `config` names the same layers and variables, while we look for the same
    things. An image without layers is looked at each time.
    """
    layers = (config.get("rootfs") or {}).get("diff_ids")
    if not layers:
        return ask()
    with open(look.__file__, "rb") as ours:
        form = hashlib.file_digest(ours, "sha256").hexdigest()
    known_by = json.dumps([form, layers, (config.get("config") or {}).get("Env")])
    path = os.path.join(cache_folder("bases"), hashlib.sha256(known_by.encode()).hexdigest() + ".json")
    if (known := _read(image, path)) is not None:
        return known
    base = ask()
    try:
        write_whole(path, json.dumps({**asdict(base), "chosen": sorted(base.chosen)}))
    except WorkbenchError:
        pass  # without a cache the next build looks again, and that is all
    return base


def _read(image: str, path: str) -> look.Base | None:
    """Return what a file remembers, None when there is none or it is not one of ours."""
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict):
        return None
    told["image"] = image
    if any(not isinstance(told.get(each.name), _TYPES[str(each.type)]) for each in fields(look.Base)):
        return None
    return look.Base(
        **{each.name: told[each.name] for each in fields(look.Base)} | {"chosen": frozenset(told["chosen"])}
    )
