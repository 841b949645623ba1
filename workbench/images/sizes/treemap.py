"""A picture of sizes: rectangles whose areas are bytes, in a page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from workbench.byte_size import byte_size
from workbench.images.sizes.image_sizes import KINDS, ImageSizes, SizedPart

# The picture, in units of SVG.
WIDTH, HEIGHT = 1200.0, 720.0
# Of a kind's rectangle, for its title.
_TITLE = 20.0
# What is smaller has no rectangle of its own: nobody would see it, and pages would be large.
_LEAST = 0.0005
_LETTER, _LINE = 6.4, 13.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Where something is: its left upper corner, its width and height."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: Sequence[float], area: Rectangle) -> list[Rectangle]:
    """Return a rectangle for each of `sizes` (the largest first, all above 0) that fill `area`, none long and thin.

    The way of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): rows along the shorter side, each as long as
    its worst rectangle becomes no worse.
    """
    total = sum(sizes)
    if not total or area.width <= 0 or area.height <= 0:
        return [Rectangle(area.x, area.y, 0, 0) for _ in sizes]
    scale = area.width * area.height / total
    left = [size * scale for size in sizes]
    found: list[Rectangle] = []
    while left:
        side = min(area.width, area.height)
        count = 1
        while count < len(left) and _worst(left[: count + 1], side) <= _worst(left[:count], side):
            count += 1
        row, left = left[:count], left[count:]
        depth = sum(row) / side if side else 0
        along = 0.0
        for size in row:
            length = size / depth if depth else 0
            if area.width >= area.height:
                found.append(Rectangle(area.x, area.y + along, depth, length))
            else:
                found.append(Rectangle(area.x + along, area.y, length, depth))
            along += length
        if area.width >= area.height:
            area = Rectangle(area.x + depth, area.y, max(area.width - depth, 0), area.height)
        else:
            area = Rectangle(area.x, area.y + depth, area.width, max(area.height - depth, 0))
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """Return how far the row's worst rectangle is from a square: its longer side by its shorter."""
    total = sum(row)
    return max(side * side * max(row) / total**2, total**2 / (side * side * min(row)))


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the picture: what kind it is of, its label ("" where there is no room), and what it stands for."""

    kind: str
    place: Rectangle
    label: str
    about: str


def tiles(sizes: ImageSizes) -> Iterator[Tile]:
    """Yield the rectangles of a picture of `sizes`: each kind's, then those of its parts in it."""
    kinds = [each for each in sizes.by_kind() if each.bytes]
    places = squarified([each.bytes for each in kinds], Rectangle(0, 0, WIDTH, HEIGHT))
    for kind, place in zip(kinds, places, strict=True):
        title = f"{kind.name}, {byte_size(kind.bytes)}"
        yield Tile(f"{kind.kind} title", place, _fitting(title, place), title)
        inner = Rectangle(place.x, place.y + _TITLE, place.width, max(place.height - _TITLE, 0))
        parts = _shown([part for part in sizes.parts if part.kind == kind.kind and part.bytes], sizes.bytes)
        for part, own in zip(parts, squarified([part.bytes for part in parts], inner), strict=True):
            yield Tile(part.kind, own, _fitting(part.name, own), about(part, sizes.bytes))


def _shown(parts: list[SizedPart], total: int) -> list[SizedPart]:
    """Return the parts that can be seen, and the sum of the others as one."""
    large = [part for part in parts if part.bytes >= total * _LEAST]
    small = [part for part in parts if part.bytes < total * _LEAST]
    if small:
        size, files = sum(part.bytes for part in small), sum(part.files for part in small)
        large.append(SizedPart(small[0].kind, f"{len(small)} smaller", "", size, files))
    return sorted(large, key=lambda part: -part.bytes)


def _fitting(text: str, place: Rectangle) -> str:
    letters = int((place.width - 6) / _LETTER)
    if place.height < _LINE + 3 or letters < 3:
        return ""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def about(part: SizedPart, total: int) -> str:
    """Return what a part is in one line."""
    share = f"{part.bytes / total:.1%}" if total else "0 %"
    return f"{part.name} {part.version}".rstrip() + f": {byte_size(part.bytes)}, {share}, {part.files:,} files"


def page(sizes: ImageSizes) -> str:
    """Return a page of HTML with the picture and a table of all parts. It loads nothing from anywhere."""
    import jinja2

    text = resources.files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["size"] = byte_size
    names = {"sizes": sizes, "tiles": list(tiles(sizes)), "kinds": KINDS, "width": WIDTH, "height": HEIGHT}
    return environment.from_string(text).render(names)
