"""What a cluster wants of every Pod and claim of ours: where they may be, and what pulls their images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Placing:
    """Fields of a PodSpec (core/v1), variables by name, and the class of storage; all empty: the cluster's defaults.

    `shm` is the size of /dev/shm of a set that has none of its own, as a quantity.
    """

    pod: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = ""
    shm: str = ""

    def variables(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return the variables of a container that says `own` (`NAME=VALUE`): its own go before the cluster's."""
        names = {each.partition("=")[0] for each in own}
        return (*(f"{name}={value}" for name, value in self.env.items() if name not in names), *own)
