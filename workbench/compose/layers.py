"""Dividing requirement lists: packages that are large get layers of their own, below those that move more often.

Which layer a package is in follows from its own recorded size and nothing else. So what moves beside it, comes or goes
leaves the list of every other layer as it is, byte by byte, and a builder takes those layers from its cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.catalog.layers import LayerRule
from workbench.catalog.sizes import PackageSize, Pin
from workbench.indexes import index_variables
from workbench.packages import pins, requirement_lines

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class ListPart:
    """A part of a requirement list: the megabytes from which on its packages are, its text, and what it pins."""

    megabytes: int
    text: str
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a list: what it pins (None for a line of an index), and the line of the index that that is from."""

    text: str
    pin: Pin | None
    index: str


def list_parts(
    text: str, sizes: Mapping[Pin, PackageSize], rule: LayerRule, installed: Iterable[Pin] = ()
) -> list[ListPart]:
    """Return the parts of a list that are installed before the whole of it, those with the largest packages first.

    Every package that is large by the `rule` is in one of them, and a part without one is none. `installed` are those
    of a list that is installed before. A part is a whole list by itself: with hashes, the lines of the indexes of its
    packages and, where one of those comes as source, what it is built with.
    """
    lines, skipped = list(_lines(text)), {*installed}
    layers: dict[int, list[Pin]] = {}
    for pin in (line.pin for line in lines if line.pin and line.pin not in skipped):
        if (step := _step(sizes.get(pin), rule)) is not None:
            layers.setdefault(step, []).append(pin)
    found = []
    for step, own in sorted(layers.items(), reverse=True):
        tools = rule.built_with if any(sizes[pin].is_source for pin in own) else ()
        chosen = {*own, *(line.pin for line in lines if line.pin and line.pin[0] in tools)}
        found.append(ListPart(step, _text(lines, chosen), tuple(own)))
    return found


def _step(size: PackageSize | None, rule: LayerRule) -> int | None:
    """Return the megabytes of the layer that a package of this size is in, None for the rest of the list."""
    if size is None or size.size is None:
        return None
    return next((step for step in rule.sizes if size.size >= step * _MEGABYTE), None)


def _lines(text: str) -> Iterator[_Line]:
    index = ""
    for _, line in requirement_lines(text):
        if line.startswith("-"):
            index = line if index_variables(line) else index
            yield _Line(line, None, index)
        else:
            # A pin stands before the hashes, which are most of a line.
            yield _Line(line, next(pins(line.partition(" --hash")[0]), None), index)


def _text(lines: Sequence[_Line], chosen: Collection[Pin | None]) -> str:
    """Return the lines of the chosen pins as a list: by name, below the lines of their indexes.

    A line that replaces pip's own index is every list's.
    """
    groups: dict[str, list[str]] = {"": []}
    for line in lines:
        if line.pin is None and line.text.startswith(("--index-url", "-i ")):
            groups.setdefault(line.text, [])
        elif line.pin in chosen:
            groups.setdefault(line.index, []).append(line.text)
    found = [each for index, own in groups.items() for each in (*([index] if index else ()), *sorted(own))]
    return "".join(f"{line}\n" for line in found)
