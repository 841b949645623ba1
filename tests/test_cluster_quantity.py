"""Quantities of Kubernetes. tests/kubernetes holds what our flags take to a real API server."""

from __future__ import annotations

from decimal import Decimal

import pytest

from workbench.cluster_quantity import amount


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10Gi", 10 << 30),
        ("1.5Gi", 3 << 29),
        ("128Ki", 128 << 10),
        ("1k", 1000),
        ("2E", 2 * 10**18),
        ("1e9", 10**9),
        ("12E6", 12 * 10**6),
        ("1e-1", Decimal("0.1")),
        ("500m", Decimal("0.5")),
        (".5", Decimal("0.5")),
        ("1.", 1),
    ],
)
def test_a_quantity_comes_to_its_base_unit(text: str, found: Decimal) -> None:
    assert amount(text) == found


@pytest.mark.parametrize("text", ["", "Gi", "1K", "1gi", "1 Gi", "-1", "1Gi2", "0x10", "."])
def test_what_is_no_quantity_or_below_none_is_none(text: str) -> None:
    assert amount(text) is None
