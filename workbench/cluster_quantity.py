"""Quantities as Kubernetes writes them: 512Mi, 1.5Gi, 1e9, 500m.

Source: apimachinery's resource.Quantity (Kubernetes 1.34, read 2026-11-30).
"""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?")
_POWERS = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
# A quantity is counted in 64 bits.
MOST = 2**63 - 1


def amount(text: str) -> Decimal | None:
    """Return what a quantity comes to, in its base unit (bytes, cores); None for one that is none, or is negative."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, unit = Decimal(found[1]), found[2] or ""
    if unit.endswith("i"):
        return number * Decimal(1024) ** _POWERS[unit[0].replace("K", "k")]
    if unit[1:]:
        return number * Decimal(10) ** int(unit[1:])
    return number * Decimal(1000) ** _POWERS[unit]
