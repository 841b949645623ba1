"""`[layers]` of a release file: from which sizes on Python packages are installed in layers of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.packages import is_package, normalized_name

LAYERS_SCHEMA = {"from": list, "built-with": list}
# An image has a layer for each step of its build, and engines a limit of how many: two for each of these, twice.
_MOST = 8
_SIZE = re.compile(r"([1-9][0-9]{0,5})MB")


@dataclass(frozen=True, slots=True)
class LayerRule:
    """How a requirement list is divided: `sizes` are megabytes, the largest first; none divide nothing.

    Each gets a layer with the packages that are at least so large, and smaller than the one before. `built_with` are
    the packages that others are built with, where those come as source: they stand in the lists of those too.
    """

    sizes: tuple[int, ...] = ()
    built_with: tuple[str, ...] = ()


def layer_rule(table: Mapping[str, Sequence[str]]) -> LayerRule:
    """Return what the table means; one with a fault (see `wrong_layers`) divides nothing."""
    if any(wrong_layers(table)):
        return LayerRule()
    return LayerRule(
        tuple(_megabytes(word) for word in table.get("from", ())),
        tuple(normalized_name(name) for name in table.get("built-with", ())),
    )


def wrong_layers(table: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the table, each with the keys that lead to it."""
    words = table.get("from", ())
    if faulty := [word for word in words if not _SIZE.fullmatch(word)]:
        yield ("from",), f"{faulty[0]!r} is no size: write it as 100MB"
    elif any(_megabytes(one) <= _megabytes(next_) for one, next_ in pairwise(words)):
        yield ("from",), "the sizes must become smaller from one to the next"
    elif len(words) > _MOST:
        yield ("from",), f"has {len(words)} sizes: {_MOST} at most, as each is a layer"
    for name in table.get("built-with", ()):
        if not is_package(name):
            yield ("built-with",), f"{name!r} is no name of a Python package"


def _megabytes(word: str) -> int:
    match = _SIZE.fullmatch(word)
    return int(match[1]) if match else 0
