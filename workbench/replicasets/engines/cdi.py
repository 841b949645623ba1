"""The GPUs of this machine, read from CDI specs: the same files that the engine reads."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from workbench.names import suggestion
from workbench.replicasets.errors import NotFound, ReplicaSetError
from workbench.replicasets.values import Gpu

_ALL = "all"


def inventory(kind: str, folders: Sequence[str]) -> tuple[Gpu, ...]:
    """Return the GPUs of `kind`, in the order of their specs; none when the folders have no specs.

    A device that has several names (an index, a UUID) is one GPU, known by its longest name: the
    UUID stays when cards are moved. Raises NotFound when all specs are of other kinds, and
    ReplicaSetError for a spec that cannot be read (fault B14: never silently no GPUs).
    """
    kinds: dict[str, list[Gpu]] = {}
    for path in _files(folders):
        spec = _read(path)
        if isinstance(spec.get("kind"), str):
            kinds.setdefault(spec["kind"], []).extend(_gpus(spec, path))
    if kinds and kind not in kinds:
        raise NotFound(f"no CDI spec describes the GPU kind {kind}", hint=suggestion(kind, kinds))
    merged: dict[str, Gpu] = {}
    for gpu in kinds.get(kind, ()):
        merged.setdefault(gpu.id, gpu)
    return tuple(merged.values())


def newer_specs(kind: str, folders: Sequence[str], readable: str) -> list[str]:
    """Return a sentence for each spec of `kind` whose version is above `readable`, such as 0.5.0.

    Where that is "", nobody knows what the engine reads, and every spec has a sentence.
    """
    limit = f"this podman reads up to {readable}" if readable else "what this podman reads is not known"
    messages = []
    for path in _files(folders):
        spec = _read(path)
        version = str(spec.get("cdiVersion", ""))
        if spec.get("kind") == kind and _number(version) > _number(readable):
            messages.append(f"{path} is of CDI {version}, and {limit}")
    return messages


def _files(folders: Sequence[str]) -> list[str]:
    paths = []
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        paths += [os.path.join(folder, name) for name in names if name.endswith((".json", ".yaml", ".yml"))]
    return paths


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith(".json"):
            spec = json.loads(text)
        else:
            import yaml

            try:
                spec = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(str(error)) from None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ReplicaSetError(f"the CDI spec cannot be read: {str(error)[:200]}", where=path) from None
    if not isinstance(spec, dict):
        raise ReplicaSetError("the CDI spec is not an object", where=path)
    return spec


def _gpus(spec: dict[str, Any], path: str) -> list[Gpu]:
    by_edits: dict[str, list[str]] = {}
    try:
        for device in spec.get("devices") or ():
            if device["name"] != _ALL:
                edits = json.dumps(device.get("containerEdits", {}), sort_keys=True, default=str)
                by_edits.setdefault(edits, []).append(str(device["name"]))
    except (TypeError, KeyError):
        raise ReplicaSetError("a device of the CDI spec has no name", where=path) from None
    return [Gpu(max(names, key=len), tuple(names)) for names in by_edits.values()]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
