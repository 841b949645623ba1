"""Manifests as YAML. The only place that imports PyYAML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full: people read this, and change one of them."""

    def ignore_aliases(self, data: object) -> bool:
        """Never write a reference instead of a value."""
        return True


def as_yaml(documents: Sequence[dict[str, Any]]) -> str:
    """Return `documents` as YAML, keys in their order."""
    return str(
        yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True)
    )
