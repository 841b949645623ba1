"""Amounts as Kubernetes' API server takes them, and as they make sense for cores and bytes.

Source: apimachinery's resource.Quantity and the validation of core/v1 (Kubernetes 1.34, read 2026-11-30).
"""

from __future__ import annotations

import re

from workbench.cluster_quantity import MOST, amount
from workbench.errors import UsageError

_BYTES = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[kMGTPE]|[KMGTPE]i)?")
_CORES = re.compile(r"([0-9]+(?:\.[0-9]{1,3})?|[0-9]+m)")


def check_bytes(flag: str, text: str) -> None:
    """Raise UsageError unless `text` is a number of bytes above 0, such as 8Gi."""
    found = amount(text) if _BYTES.fullmatch(text) else None
    if found is None or not 0 < found <= MOST:
        raise UsageError(f"{text!r} is no amount for {flag}", hint="write it as Kubernetes does: 512Mi, 8Gi, 1.5Ti")


def check_cores(flag: str, text: str) -> None:
    """Raise UsageError unless `text` is a number of cores above 0, such as 2 or 500m."""
    found = amount(text) if _CORES.fullmatch(text) else None
    if found is None or not 0 < found * 1000 <= MOST:
        raise UsageError(f"{text!r} is no amount for {flag}", hint="write it as Kubernetes does: 2, 0.5, 500m")
