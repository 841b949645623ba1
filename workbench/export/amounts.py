"""Amounts as Kubernetes' API server takes them, and as they make sense for cores and bytes.

Source: apimachinery's resource.Quantity and the validation of core/v1 (Kubernetes 1.34, read 2026-11-30).
"""

from __future__ import annotations

import re
from decimal import Decimal

from workbench.errors import UsageError

_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMGTPE]|[KMGTPE]i)?")
_CORES = re.compile(r"([0-9]+(?:\.[0-9]{1,3})?|[0-9]+m)")
# A quantity is counted in 64 bits.
MOST = 2**63 - 1


def check_bytes(flag: str, amount: str) -> None:
    """Raise UsageError unless `amount` is a number of bytes above 0, such as 8Gi."""
    match = _BYTES.fullmatch(amount)
    if match is None or not 0 < Decimal(match[1]) * _factor(match[2] or "") <= MOST:
        raise UsageError(f"{amount!r} is no amount for {flag}", hint="write it as Kubernetes does: 512Mi, 8Gi, 1.5Ti")


def check_cores(flag: str, amount: str) -> None:
    """Raise UsageError unless `amount` is a number of cores above 0, such as 2 or 500m."""
    if not _CORES.fullmatch(amount) or not 0 < Decimal(amount.rstrip("m")) <= MOST // 1000:
        raise UsageError(f"{amount!r} is no amount for {flag}", hint="write it as Kubernetes does: 2, 0.5, 500m")


def _factor(unit: str) -> Decimal:
    power = "kMGTPE".find(unit[:1].replace("K", "k")) + 1 if unit else 0
    return Decimal(1024 if unit.endswith("i") else 1000) ** power
