"""What is ours in a namespace: names, labels, and what is written beside an object as annotations.

Labels of sets hold anything, those of Kubernetes hardly any text: all of them are annotations, and those that can be
are labels too, by which they are selected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.replicasets.errors import EngineError

MANAGED = "app.kubernetes.io/managed-by"
US = "workbench-images"
SET = "app.kubernetes.io/instance"
OURS = f"{MANAGED}={US}"
# What we write ourselves of a container: whether it was started, and how it ended when it was stopped.
STARTED, ENDED = "workbench-images/started", "workbench-images/ended"
# Names of Services are the narrowest (RFC 1035), and volumes are named like sets.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def set_of(container: str) -> str:
    """Return the set whose version a container is."""
    return container.rpartition("-")[0] or container


def check_name(name: str) -> str:
    """Return a name that the cluster takes; raises EngineError for others."""
    if not _NAME.fullmatch(name):
        raise EngineError(
            f"{name} cannot be a name in the cluster",
            422,
            hint="small letters and digits, at most 63, a letter first: no underscores and dots",
        )
    return name


def metadata(name: str, labels: Mapping[str, str], private: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the metadata of an object with those labels, but for those that are `private`."""
    shown = {key: text for key, text in labels.items() if key not in private}
    known = {key: text for key, text in shown.items() if text and _LABEL.fullmatch(text)}
    return {
        "name": name,
        "labels": {**known, MANAGED: US},
        "annotations": shown,
    }


def labels_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that an object was made with."""
    annotations = found["metadata"].get("annotations") or {}
    return {key: text for key, text in annotations.items() if key not in (STARTED, ENDED)}


def is_ours(found: Mapping[str, Any]) -> bool:
    """Return whether an object was made here."""
    return (found["metadata"].get("labels") or {}).get(MANAGED) == US


def selector(label: str) -> str:
    """Return what selects at least all objects with a label (`name` or `name=value`)."""
    name, equals, value = label.partition("=")
    can_be = equals and value and _LABEL.fullmatch(value)
    return f"{OURS},{name}={value}" if can_be else OURS


def has(labels: Mapping[str, str], label: str) -> bool:
    """Return whether labels have a label (`name` or `name=value`)."""
    name, equals, value = label.partition("=")
    return name in labels and (not equals or labels[name] == value)
